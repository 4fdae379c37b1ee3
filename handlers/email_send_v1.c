#include "handler.h"

struct email_send {
        const char *to, *cc, *bcc, *reply_to, *from, *subject, *text, *html, *in_reply_to;
        const struct pair *headers, *metadata;
        const char *const *references, *const *tags;
        const struct list_unsubscribe *list_unsubscribe;
        const struct attachment *attachments;
        size_t attachment_count;
        bool text_unwanted;
};

static const struct field unsubscribe_fields[] = {
        FIELD_STRING(struct list_unsubscribe, url, .optional = true, .one_line = true,
                     .description = "a page, http:// or https://"),
        FIELD_STRING(struct list_unsubscribe, mailto, .optional = true, .one_line = true,
                     .description = "an address, or mailto:"),
        FIELD_BOOL(struct list_unsubscribe, one_click, .optional = true,
                   .description = "a POST to the url, which must be https, is enough (RFC 8058)"),
        FIELD_END,
};

static const struct field attachment_fields[] = {
        FIELD_STRING(struct attachment, name, .min_length = 1, .max_length = 255, .one_line = true,
                     .description = "the file's name, no path"),
        FIELD_STRING(struct attachment, type, .optional = true, .max_length = 200, .one_line = true,
                     .description = "its media type; application/octet-stream unless said"),
        FIELD_BASE64(struct attachment, content, content_len, .optional = true, .description = "its bytes"),
        FIELD_STRING(struct attachment, url, .optional = true, .max_length = 2000, .one_line = true,
                     .description = "where leveret fetches it, in place of content"),
        FIELD_STRING(struct attachment, sha256, .optional = true, .max_length = 64, .one_line = true,
                     .description = "64 hex digits; required with a url"),
        FIELD_INT(struct attachment, size, .optional = true, .min = 0,
                  .description = "bytes, checked as well"),
        FIELD_STRING(struct attachment, inline_id, .optional = true, .max_length = 64, .one_line = true,
                     .description = "shown in the html as <img src=\"cid:ID\">"),
        FIELD_END,
};

static const struct field fields[] = {
        FIELD_MAILBOXES(struct email_send, to, .description = "who gets it; at most 50 with cc and bcc"),
        FIELD_MAILBOXES(struct email_send, cc, .optional = true, .min_items = 0,
                        .description = "who gets a copy"),
        FIELD_MAILBOXES(struct email_send, bcc, .optional = true, .min_items = 0,
                        .description = "who gets a copy that nobody sees"),
        FIELD_MAILBOXES(struct email_send, reply_to, .optional = true, .min_items = 0,
                        .description = "where answers go"),
        FIELD_MAILBOX(struct email_send, from, .optional = true,
                      .description = "the sender, if mail.from_allowed lists it"),
        FIELD_STRING(struct email_send, subject, .min_length = 1, .max_length = 200, .one_line = true),
        FIELD_STRING(struct email_send, text, .optional = true, .max_length = 1000000,
                     .null_flag = FIELD_FLAG(struct email_send, text_unwanted),
                     .description = "plain text; made of the html if left out, none if null"),
        FIELD_STRING(struct email_send, html, .optional = true, .max_length = 1000000,
                     .description = "the same as HTML, shown instead where it can be"),
        FIELD_PAIRS(struct email_send, headers, .optional = true, .max_items = 30,
                    .description = "other headers, none that leveret writes"),
        FIELD_OBJECT(struct email_send, list_unsubscribe, unsubscribe_fields, .optional = true,
                     .description = "how a recipient gets off the list"),
        FIELD_STRING(struct email_send, in_reply_to, .optional = true, .max_length = 400, .one_line = true,
                     .description = "the Message-ID that is answered, <id@host>"),
        FIELD_STRINGS(struct email_send, references, .optional = true, .max_length = 400,
                      .description = "the Message-IDs of the thread, oldest first"),
        FIELD_STRINGS(struct email_send, tags, .optional = true, .max_items = 10, .max_length = 128,
                      .description = "for the mail service's statistics"),
        FIELD_PAIRS(struct email_send, metadata, .optional = true, .max_items = 20, .max_length = 500,
                    .description = "for the mail service's reports"),
        FIELD_LIST(struct email_send, attachments, attachment_count, attachment_fields, .optional = true,
                   .max_items = 20, .description = "files"),
        FIELD_END,
};

static void plan_email_send(const struct email_send *email, struct plan *plan)
{
        const char *text = email->text && *email->text ? email->text : NULL;
        bool make_text = !text && !email->text_unwanted && email->html;
        struct mail mail = {
                .key = "mail",
                .from = email->from,
                .to = email->to,
                .cc = email->cc,
                .bcc = email->bcc,
                .reply_to = email->reply_to,
                .subject = email->subject,
                .text = make_text ? plan_html_text(plan, email->html) : text,
                .html = email->html,
                .headers = email->headers,
                .attachments = email->attachments,
                .in_reply_to = email->in_reply_to,
                .references = email->references,
                .tags = email->tags,
                .metadata = email->metadata,
        };
        if (email->list_unsubscribe)
                mail.list_unsubscribe = *email->list_unsubscribe;
        plan_mail(plan, &mail);
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
