/* https://postmarkapp.com/developer/api/email-api and .../overview (error codes) */
#include "core/send/mail_json.h"
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static bool postmark_body(struct buffer *out, const struct mail_request *request,
                          const struct config_outlet *outlet)
{
        static const struct part_file files = {.name = "Name",
                                               .type = "ContentType",
                                               .content = "Content",
                                               .inline_id = "ContentID",
                                               .id_start = "cid:"};
        const struct mail *mail = &request->mail;
        (void)outlet;
        part_text(out, "{\"From\":", mail->from);
        part_list(out, ",\"To\":", mail->to);
        part_list(out, ",\"Cc\":", mail->cc);
        part_list(out, ",\"Bcc\":", mail->bcc);
        part_text(out, ",\"Subject\":", mail->subject);
        part_text(out, ",\"TextBody\":", mail->text);
        part_text(out, ",\"HtmlBody\":", mail->html);
        part_list(out, ",\"ReplyTo\":", mail->reply_to);
        part_headers_list(out, ",\"Headers\":[", request, /* upper = */ true, "]");
        part_text(out, ",\"Tag\":", mail->tags ? mail->tags[0] : NULL);
        part_text(out, ",\"Metadata\":{\"leveret\":", request->key);
        part_pairs(out, ",", mail->metadata, "");
        buffer_add_char(out, '}');
        bool read = part_files(out, ",\"Attachments\":[", request, &files, "]");
        buffer_add_char(out, '}');
        return read;
}

/* "Message OK, but will not deliver to these inactive addresses: a@example.com, b@example.com. Inactive
 * recipients are ones that have ..": the dot is no part of the address. */
static void postmark_refused(struct preset_refused *refused, struct slice body)
{
        static const char says[] = "inactive addresses:";
        struct slice message;
        const char *at = NULL;
        if (mail_json_path(body, "Message", &message))
                at = memmem(message.data, message.len, says, sizeof says - 1);
        if (!at)
                return;
        const char *end = message.data + message.len;
        for (at += sizeof says - 1; at < end;) {
                size_t len = 0;
                while (at + len < end && !strchr(" ,", at[len]))
                        len++;
                struct slice address = slice_trimmed((struct slice){.data = at, .len = len}, ".");
                if (memchr(at, '@', len))
                        part_refused(refused, address, SLICE_LITERAL("inactive"));
                at += len + 1;
        }
}

const struct mail_preset_rules preset_postmark = {
        .name = "postmark",
        .url = "https://api.postmarkapp.com",
        .path = "/email",
        .auth_header = "X-Postmark-Server-Token",
        .auth_prefix = "",
        .needs = "api_key",
        .body = postmark_body,
        .id_member = "MessageID",
        .error_member = "Message",
        .code_member = "ErrorCode",
        .refused = postmark_refused,
        /* Its ErrorCode 401 is an unconfirmed sender and no HTTP 401. */
        .answers = {{0, "10", SEND_CONFIG, false},
                    {0, "100", SEND_TRANSIENT, false},
                    {0, "300", SEND_PERMANENT, false},
                    {0, "400", SEND_CONFIG, false},
                    {0, "401", SEND_CONFIG, false},
                    {0, "405", SEND_CONFIG, false},
                    {0, "406", SEND_PERMANENT, false},
                    {0, "411", SEND_PERMANENT, false},
                    {0, "412", SEND_CONFIG, false},
                    {0, "413", SEND_CONFIG, false}},
        .can = {.recipients = 50,
                .reply_to = 50,
                .tags = 1,
                .metadata = true,
                .token_beside = true,
                .bytes = 10 << 20,
                .text_max = 5 << 20,
                .inline_files = true,
                .headers = true,
                .text_alone = true},
        .look = {.path = "/messages/outbound?count=1&offset=0&metadata_leveret={token}",
                 .list = "/Messages",
                 .count = "/TotalCount",
                 .id = "/MessageID",
                 .mark = "/Metadata",
                 .lag_ms = 60000,
                 .retention_ms = INT64_C(45) * 24 * 3600 * 1000,
                 .by_default = true},
};
