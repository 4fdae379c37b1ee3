/* https://resend.com/docs/api-reference/emails/send-email and .../introduction (errors) */
#include "core/send/mail_json.h"
#include "core/send/mail_preset.h"

static void member_add(struct buffer *out, const char *start, const char *value)
{
        buffer_add_text(out, start);
        buffer_add_json_string(out, slice_of(value));
}

static void resend_authorization(struct buffer *out, const char *api_key)
{
        if (api_key && *api_key)
                buffer_printf(out, "Bearer %s", api_key);
}

static void resend_body(struct buffer *out, const struct mail_request *request)
{
        member_add(out, "{\"from\":", request->mail.from);
        member_add(out, ",\"to\":[", request->mail.to);
        member_add(out, "],\"subject\":", request->mail.subject);
        if (request->mail.text)
                member_add(out, ",\"text\":", request->mail.text);
        if (request->mail.html)
                member_add(out, ",\"html\":", request->mail.html);
        if (request->mail.reply_to)
                member_add(out, ",\"reply_to\":", request->mail.reply_to);
        member_add(out, ",\"headers\":{\"Message-ID\":", request->message_id);
        if (request->true_to)
                member_add(out, ",\"X-Leveret-To\":", request->true_to);
        buffer_add_text(out, "}}");
}

/* The key is in use by a request that still runs, or was used with another payload: then a mail of that key
 * is out. */
static enum send_outcome resend_conflict(struct slice body)
{
        struct slice name;
        if (mail_json_find(body, "name", &name) && slice_is(name, "concurrent_idempotent_requests"))
                return SEND_TRANSIENT;
        return SEND_AMBIGUOUS;
}

const struct mail_preset_rules preset_resend = {
        .url = "https://api.resend.com",
        .path = "/emails",
        .authorization = resend_authorization,
        .body = resend_body,
        .id_member = "id",
        .error_member = "message",
        .conflict = resend_conflict,
};
