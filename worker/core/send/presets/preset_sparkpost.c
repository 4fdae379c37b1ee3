/* https://developers.sparkpost.com/api/transmissions/ */
#include "core/address/mailbox.h"
#include "core/send/mail_json.h"
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

/* Everybody is a recipient; the header To of all is that of the first ones, and copies are told by the header
 * CC. */
static void recipients_add(struct buffer *out, const struct mail *mail)
{
        const char *lists[] = {mail->to, mail->cc, mail->bcc};
        struct mailbox mailbox;
        bool first = true;
        for (size_t i = 0; i < 3; i++)
                while (lists[i] && mailbox_take(&lists[i], &mailbox)) {
                        buffer_add_text(out,
                                        first ? "{\"address\":{\"email\":" : ",{\"address\":{\"email\":");
                        buffer_add_json_string(out, mailbox.address);
                        part_list(out, ",\"header_to\":", mail->to);
                        buffer_add_text(out, "}}");
                        first = false;
                }
}

/* Its template language would fill in {{ }} from the metadata, or take it away. Mails without it keep the
 * bytes of earlier versions: one key is one body. */
static void literally_add(struct buffer *out, const struct mail *mail)
{
        if ((mail->text && strstr(mail->text, "{{")) || (mail->html && strstr(mail->html, "{{")))
                buffer_add_text(out, ",\"options\":{\"perform_substitutions\":false}");
}

static bool sparkpost_body(struct buffer *out, const struct mail_request *request,
                           const struct config_outlet *outlet)
{
        static const struct part_file beside = {.name = "name",
                                                .type = "type",
                                                .content = "data",
                                                .which = PART_BESIDE},
                                      shown = {.name = "name",
                                               .type = "type",
                                               .content = "data",
                                               .name_is_id = true,
                                               .which = PART_SHOWN};
        const struct mail *mail = &request->mail;
        (void)outlet;
        buffer_add_text(out, "{\"recipients\":[");
        recipients_add(out, mail);
        part_text(out, "],\"campaign_id\":", mail->tags ? mail->tags[0] : NULL);
        if (!mail->tags || !mail->tags[0])
                buffer_add_char(out, ']');
        part_text(out, ",\"metadata\":{\"leveret\":", request->key);
        part_pairs(out, ",", mail->metadata, "");
        buffer_add_char(out, '}');
        literally_add(out, mail);
        part_text(out, ",\"content\":{\"from\":", mail->from);
        part_text(out, ",\"subject\":", mail->subject);
        part_text(out, ",\"text\":", mail->text);
        part_text(out, ",\"html\":", mail->html);
        part_list(out, ",\"reply_to\":", mail->reply_to);
        part_headers_object(out, ",\"headers\":{", request, "");
        part_list(out, ",\"CC\":", mail->cc);
        buffer_add_char(out, '}');
        bool read = part_files(out, ",\"attachments\":[", request, &beside, "]") &&
                    part_files(out, ",\"inline_images\":[", request, &shown, "]");
        buffer_add_text(out, "}}");
        return read;
}

static size_t sparkpost_number_at(struct slice body, const char *path)
{
        struct slice text;
        size_t number = 0;
        if (mail_json_path(body, path, &text))
                for (size_t i = 0; i < text.len && i < 6; i++)
                        number = number * 10 + (size_t)(text.data[i] - '0') % 10;
        return number;
}

/* It says how many, and why, but not who. */
static void sparkpost_refused(struct preset_refused *refused, struct slice body)
{
        size_t count = sparkpost_number_at(body, "results/total_rejected_recipients");
        for (size_t i = 0; i < count && i < PRESET_REFUSED_MAX; i++) {
                struct slice words = part_answer(body, "results/rcpt_to_errors", i, "description");
                if (!words.len)
                        words = part_answer(body, "results/rcpt_to_errors", i, "message");
                if (!words.len)
                        break;
                part_refused(refused, (struct slice){0}, words);
        }
        refused->count = count;
        refused->all = count > 0 && sparkpost_number_at(body, "results/total_accepted_recipients") == 0;
}

const struct mail_preset_rules preset_sparkpost = {
        .name = "sparkpost",
        .url = "https://api.sparkpost.com",
        .path = "/api/v1/transmissions?num_rcpt_errors=50",
        .auth_header = "Authorization",
        .auth_prefix = "",
        .needs = "api_key",
        .body = sparkpost_body,
        .people_once = true,
        .key_header = "Idempotency-Key",
        .key_lifetime_ms = INT64_C(24) * 3600 * 1000,
        .id_member = "results/id",
        .error_member = "errors/0/message",
        .code_member = "errors/0/code",
        .refused = sparkpost_refused,
        /* 1601: a request with the key still runs, and may be accepted yet; 1602: no good key. */
        .answers = {{409, "1601", SEND_AMBIGUOUS, false},
                    {400, "1602", SEND_CONFIG, false},
                    {420, NULL, SEND_TRANSIENT, true},
                    {500, NULL, SEND_TRANSIENT, false}},
        .can = {.recipients = 50,
                .reply_to = 50,
                .tags = 1,
                .metadata = true,
                .token_beside = true,
                .bytes = 20 << 20,
                .tag_max = 64,
                .labels_max = 10000,
                .inline_files = true,
                .headers = true,
                .fills = true,
                .text_alone = true},
};
