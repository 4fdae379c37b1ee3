#include "core/send/mail_people.h"
#include "core/address/mailbox.h"
#include "core/plan/mail_check.h"

#include <strings.h>

/* Those who were named so far. */
struct people_named {
        struct slice addresses[MAIL_RECIPIENTS_SENT_MAX];
        size_t count, repeated;
};

static bool is_named(const struct people_named *named, struct slice address)
{
        for (size_t i = 0; i < named->count; i++)
                if (named->addresses[i].len == address.len &&
                    strncasecmp(named->addresses[i].data, address.data, address.len) == 0)
                        return true;
        return false;
}

/* Adds those of the list who are new. */
static void list_keep(struct buffer *out, const char *list, struct people_named *named)
{
        struct mailbox mailbox;
        while (list && mailbox_take(&list, &mailbox)) {
                if (is_named(named, mailbox.address)) {
                        named->repeated++;
                        continue;
                }
                if (named->count < MAIL_RECIPIENTS_SENT_MAX)
                        named->addresses[named->count++] = mailbox.address;
                if (out->len)
                        buffer_add_text(out, ", ");
                mailbox_rewrite(out, mailbox);
        }
}

const struct mail_request *mail_people_once(struct mail_people *people, const struct mail_request *request)
{
        struct people_named named = {.count = 0};
        *people = (struct mail_people){.request = *request};
        struct mail *mail = &people->request.mail;
        const char **lists[] = {&mail->to, &mail->cc, &mail->bcc};
        for (size_t i = 0; i < 3; i++) {
                list_keep(&people->lists[i], *lists[i], &named);
                *lists[i] = people->lists[i].len ? people->lists[i].data : NULL;
        }
        return named.repeated > 0 ? &people->request : request;
}

void mail_people_fini(struct mail_people *people)
{
        for (size_t i = 0; i < 3; i++)
                buffer_fini(&people->lists[i]);
}
