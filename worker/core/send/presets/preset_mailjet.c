/* https://dev.mailjet.com/email/guides/send-api-v31/ */
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static bool mailjet_body(struct buffer *out, const struct mail_request *request,
                         const struct config_outlet *outlet)
{
        static const struct part_shape shape = {.email = "Email", .name = "Name"};
        static const struct part_file beside = {.name = "Filename",
                                                .type = "ContentType",
                                                .content = "Base64Content",
                                                .which = PART_BESIDE},
                                      shown = {.name = "Filename",
                                               .type = "ContentType",
                                               .content = "Base64Content",
                                               .inline_id = "ContentID",
                                               .which = PART_SHOWN};
        const struct mail *mail = &request->mail;
        (void)outlet;
        part_mailboxes(out, "{\"Messages\":[{\"From\":", mail->from, &shape, "");
        part_mailboxes(out, ",\"To\":[", mail->to, &shape, "]");
        part_mailboxes(out, ",\"Cc\":[", mail->cc, &shape, "]");
        part_mailboxes(out, ",\"Bcc\":[", mail->bcc, &shape, "]");
        part_mailboxes(out, ",\"ReplyTo\":", mail->reply_to, &shape, "");
        part_text(out, ",\"Subject\":", mail->subject);
        part_text(out, ",\"TextPart\":", mail->text);
        part_text(out, ",\"HTMLPart\":", mail->html);
        part_headers_object(out, ",\"Headers\":{", request, "}");
        part_text(out, ",\"CustomID\":", request->key);
        part_text(out, ",\"CustomCampaign\":", mail->tags ? mail->tags[0] : NULL);
        bool read = part_files(out, ",\"Attachments\":[", request, &beside, "]") &&
                    part_files(out, ",\"InlinedAttachments\":[", request, &shown, "]");
        buffer_add_text(out, "}]}");
        return read;
}

/* A mail that fails is told by its own status, whatever that of the answer is. */
static void mailjet_refused(struct preset_refused *refused, struct slice body)
{
        if (!slice_is(part_answer(body, "Messages", 0, "Status"), "error"))
                return;
        refused->all = true;
        part_refused(refused, (struct slice){0}, part_answer(body, "Messages/0/Errors", 0, "ErrorMessage"));
}

const struct mail_preset_rules preset_mailjet = {
        .name = "mailjet",
        .url = "https://api.mailjet.com",
        .path = "/v3.1/send",
        .auth = PRESET_AUTH_BASIC,
        .auth_header = "Authorization",
        .needs = "username password",
        .body = mailjet_body,
        .id_member = "Messages/0/To/0/MessageID",
        .error_member = "Messages/0/Errors/0/ErrorMessage",
        .code_member = "Messages/0/Errors/0/ErrorCode",
        .refused = mailjet_refused,
        .can = {.recipients = 50,
                .reply_to = 1,
                .tags = 1,
                .bytes = 15 << 20,
                .subject_max = 255,
                .inline_files = true,
                .headers = true,
                .utf8 = true,
                .text_alone = true},
        .look = {.path = "/v3/REST/message?Limit=1&CustomID={token}",
                 .list = "/Data",
                 .count = "/Count",
                 .id = "/ID",
                 .mark = "/CustomID",
                 .lag_ms = 60000,
                 .retention_ms = INT64_C(30) * 24 * 3600 * 1000,
                 .by_default = true},
};
