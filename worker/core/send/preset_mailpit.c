/* https://mailpit.axllent.org/docs/api-v1/ (SendMessage) */
#include "core/codec/base64.h"
#include "core/send/mail_preset.h"
#include "core/text/mailbox.h"

#include <stdlib.h>

static void member_add(struct buffer *out, const char *start, struct slice value)
{
        buffer_add_text(out, start);
        buffer_add_json_string(out, value);
}

static void mailbox_add(struct buffer *out, const char *text)
{
        struct mailbox mailbox;
        if (mailbox_parse(&mailbox, text))
                abort(); /* the request was checked */
        member_add(out, "{\"Email\":", mailbox.address);
        if (mailbox.name.len) {
                struct buffer name = {0};
                mailbox_name_add(&name, mailbox);
                member_add(out, ",\"Name\":", (struct slice){.data = name.data, .len = name.len});
                buffer_fini(&name);
        }
        buffer_add_char(out, '}');
}

/* The key is "user:password" of MP_SEND_API_AUTH_FILE. */
static void mailpit_authorization(struct buffer *out, const char *api_key)
{
        if (!api_key || !*api_key)
                return;
        buffer_add_text(out, "Basic ");
        base64_add(out, api_key, strlen(api_key));
}

static void mailpit_body(struct buffer *out, const struct mail_request *request)
{
        buffer_add_text(out, "{\"From\":");
        mailbox_add(out, request->mail.from);
        buffer_add_text(out, ",\"To\":[");
        mailbox_add(out, request->mail.to);
        member_add(out, "],\"Subject\":", slice_of(request->mail.subject));
        if (request->mail.text)
                member_add(out, ",\"Text\":", slice_of(request->mail.text));
        if (request->mail.html)
                member_add(out, ",\"HTML\":", slice_of(request->mail.html));
        if (request->mail.reply_to) {
                buffer_add_text(out, ",\"ReplyTo\":[");
                mailbox_add(out, request->mail.reply_to);
                buffer_add_char(out, ']');
        }
        member_add(out, ",\"Headers\":{\"Message-ID\":", slice_of(request->message_id));
        if (request->true_to)
                member_add(out, ",\"X-Leveret-To\":", slice_of(request->true_to));
        buffer_add_text(out, "}}");
}

/* It answers no 409 of its own; one from something in between leaves open what happened. */
static enum send_outcome mailpit_conflict(struct slice body)
{
        (void)body;
        return SEND_AMBIGUOUS;
}

const struct mail_preset_rules preset_mailpit = {
        .path = "/api/v1/send",
        .authorization = mailpit_authorization,
        .body = mailpit_body,
        .id_member = "ID",
        .error_member = "Error",
        .conflict = mailpit_conflict,
};
