#ifndef LEVERET_CORE_SMTP_RECIPIENTS_H
#define LEVERET_CORE_SMTP_RECIPIENTS_H

#include "core/mail/mail.h"
#include "core/plan/mail_check.h"
#include "core/send/send_outcome.h"
#include "core/text/buffer.h"

/*
 * Those to whom one mail goes over SMTP, each once, and what the server says of each. Behind
 * core/send/smtp_dialogue.h.
 *
 * All refused: the mail ends as the refusals do. One refused for now: nothing is sent, and all of it is tried
 * again later, so that nobody gets the mail twice. Some refused for good: the mail goes to the others. On the
 * last try one that is refused for now counts as refused for good, if the server takes another.
 */
struct smtp_recipients {
        struct buffer commands; /* RCPT of each, one behind the other */
        struct {
                size_t start, len;
        } command[MAIL_RECIPIENTS_SENT_MAX];
        size_t count, answered, taken;
        bool last_try;
        bool for_now, for_good;     /* was one refused so? */
        struct send_result refusal; /* the first for now, else the first for good */
        size_t refused_count;
        char refused[SEND_REFUSED_MAX]; /* as in struct send_result */
};

/* Empties it and takes the recipients of the mail: to, cc and bcc, an address that is there twice once. */
void smtp_recipients_begin(struct smtp_recipients *recipients, const struct mail_request *request);
void smtp_recipients_fini(struct smtp_recipients *recipients);

/* The RCPT of the one that is asked next, or of all. */
struct slice smtp_recipients_command(const struct smtp_recipients *recipients);
struct slice smtp_recipients_commands(const struct smtp_recipients *recipients);

enum smtp_recipients_step {
        SMTP_RECIPIENTS_WAIT,    /* for the reply to the next one */
        SMTP_RECIPIENTS_GO,      /* on to DATA */
        SMTP_RECIPIENTS_REFUSED, /* nothing is to be sent: `refusal` says why */
};
/* The reply to the RCPT of the next one has come. */
enum smtp_recipients_step smtp_recipients_reply(struct smtp_recipients *recipients,
                                                const struct smtp_reply *reply);

#endif
