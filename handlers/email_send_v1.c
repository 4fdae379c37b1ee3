#include "handler.h"

struct email_send {
        const char *to, *subject, *text, *html, *reply_to;
};

static const struct field fields[] = {
        FIELD_EMAIL(struct email_send, to, .description = "the one recipient"),
        FIELD_STRING(struct email_send, subject, .min_length = 1, .max_length = 200, .one_line = true),
        FIELD_STRING(struct email_send, text, .min_length = 1, .max_length = 200000,
                     .description = "plain text"),
        FIELD_STRING(struct email_send, html, .optional = true, .max_length = 200000,
                     .description = "the same as HTML, shown instead where it can be"),
        FIELD_EMAIL(struct email_send, reply_to, .optional = true, .description = "where answers go"),
        FIELD_END,
};

static void plan_email_send(const struct email_send *email, struct plan *plan)
{
        plan_mail(plan, &(struct mail){
                                .key = "mail",
                                .to = email->to,
                                .reply_to = email->reply_to,
                                .subject = email->subject,
                                .text = email->text,
                                .html = email->html,
                        });
}

HANDLER(email_send_v1, struct email_send, plan_email_send,
        {
                .type = "email.send.v1",
                .summary = "Sends one mail as it is given.",
                .fields = fields,
                .closed = true,
                .example =
                        "{\"to\": \"ada@example.com\", \"subject\": \"Hello\", \"text\": \"Hello, Ada.\\n\"}",
        });
