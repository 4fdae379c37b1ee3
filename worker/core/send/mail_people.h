#ifndef LEVERET_CORE_MAIL_PEOPLE_H
#define LEVERET_CORE_MAIL_PEOPLE_H

#include "core/mail/mail_request.h"
#include "core/text/buffer.h"

/*
 * A mail whose recipients are each named once, in to before cc before bcc, whatever the case of their
 * letters. For services that refuse a mail with a recipient twice (sendgrid), or send to him twice
 * (sparkpost, scaleway): one who is in to and cc, or to whom redirect_to turned both.
 */
struct mail_people {
        struct mail_request request;
        struct buffer lists[3]; /* to, cc, bcc */
};

/* `request` itself if nobody is named twice, else people->request, which holds until mail_people_fini(). */
const struct mail_request *mail_people_once(struct mail_people *people, const struct mail_request *request);
void mail_people_fini(struct mail_people *people);

#endif
