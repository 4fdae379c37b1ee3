/* https://www.scaleway.com/en/developers/api/transactional-email/ */
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static bool scaleway_body(struct buffer *out, const struct mail_request *request,
                          const struct config_outlet *outlet)
{
        static const struct part_shape shape = {.email = "email", .name = "name"};
        static const struct part_file files = {.name = "name", .type = "type", .content = "content"};
        const struct mail *mail = &request->mail;
        part_mailboxes(out, "{\"from\":", mail->from, &shape, "");
        part_mailboxes(out, ",\"to\":[", mail->to, &shape, "]");
        part_mailboxes(out, ",\"cc\":[", mail->cc, &shape, "]");
        part_mailboxes(out, ",\"bcc\":[", mail->bcc, &shape, "]");
        part_text(out, ",\"subject\":", mail->subject);
        part_text(out, ",\"text\":", mail->text);
        part_text(out, ",\"html\":", mail->html);
        part_text(out, ",\"project_id\":", outlet->http.project);
        part_headers_list(out, ",\"additional_headers\":[", request, /* upper = */ false, "");
        /* It has no member for the place to answer to. */
        part_list(out, ",{\"key\":\"Reply-To\",\"value\":", mail->reply_to);
        buffer_add_text(out, mail->reply_to ? "}]" : "]");
        bool read = part_files(out, ",\"attachments\":[", request, &files, "]");
        buffer_add_char(out, '}');
        return read;
}

/* It makes a mail of its own for each recipient. */
static void scaleway_refused(struct preset_refused *refused, struct slice body)
{
        size_t mails = 0;
        struct slice status;
        while ((status = part_answer(body, "emails", mails, "status")).len && mails < PRESET_REFUSED_MAX) {
                if (slice_is(status, "failed") || slice_is(status, "canceled"))
                        part_refused(refused, part_answer(body, "emails", mails, "mail_rcpt"),
                                     part_answer(body, "emails", mails, "status_details"));
                mails++;
        }
        refused->all = refused->count > 0 && refused->count == mails;
}

const struct mail_preset_rules preset_scaleway = {
        .name = "scaleway",
        .url = "https://api.scaleway.com",
        .path = "/transactional-email/v1alpha1/regions/{region}/emails",
        .auth_header = "X-Auth-Token",
        .auth_prefix = "",
        .needs = "api_key region project",
        .body = scaleway_body,
        .people_once = true,
        .id_member = "emails/0/id",
        .error_member = "message",
        .code_member = "type",
        .refused = scaleway_refused,
        .can = {.recipients = 10,
                .reply_to = 10,
                .files = 10,
                .bytes = 2 << 20,
                .text_min = 10,
                .headers = true,
                .text_alone = true,
                .file_types = "/pdf/png/jpg/jpeg/gif/txt/csv/ics/zip/gz/html/xml/json/doc/docx/xls/xlsx/ppt/"
                              "pptx/odt/ods/odp/"
                              "rtf/webp/svg/bmp/tiff/mp3/mp4/"},
};
