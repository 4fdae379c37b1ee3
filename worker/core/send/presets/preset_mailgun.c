/* https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages */
#include "core/address/mailbox.h"
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

/* A field of the form (RFC 7578). In a name quotes and ends of lines are written as HTML's forms have it. */
static void field_open(struct buffer *out, const struct mail_request *request, const char *prefix,
                       const char *name)
{
        buffer_add_text(out, "--");
        mail_preset_boundary(out, request);
        buffer_printf(out, "\r\nContent-Disposition: form-data; name=\"%s%s\"", prefix, name);
}

static void field(struct buffer *out, const struct mail_request *request, const char *name, const char *value)
{
        if (!value)
                return;
        field_open(out, request, "", name);
        buffer_printf(out, "\r\n\r\n%s\r\n", value);
}

static void list_field(struct buffer *out, const struct mail_request *request, const char *name,
                       const char *list)
{
        struct buffer text = {0};
        if (!list)
                return;
        mailbox_list_write(&text, list);
        field(out, request, name, text.data);
        buffer_fini(&text);
}

static void pairs(struct buffer *out, const struct mail_request *request, const char *prefix,
                  const struct pair *pair)
{
        for (; pair && pair->name; pair++) {
                field_open(out, request, prefix, pair->name);
                buffer_printf(out, "\r\n\r\n%s\r\n", pair->value);
        }
}

static void file_name(struct buffer *out, const char *name)
{
        for (; *name; name++) {
                if (*name == '"')
                        buffer_add_text(out, "%22");
                else
                        buffer_add_char(out, *name);
        }
}

static bool file_field(struct buffer *out, const struct mail_request *request, size_t i)
{
        const struct attachment *file = &request->mail.attachments[i];
        field_open(out, request, "", file->inline_id ? "inline" : "attachment");
        buffer_add_text(out, "; filename=\"");
        file_name(out, file->inline_id ? file->inline_id : file->name); /* the name is the id */
        buffer_printf(out, "\"\r\nContent-Type: %s\r\n\r\n",
                      file->type ? file->type : "application/octet-stream");
        bool read = part_file_bytes(out, request, i);
        buffer_add_text(out, "\r\n");
        return read;
}

static void header_pairs(struct buffer *out, const char *name, const char *value, bool first)
{
        (void)first;
        buffer_printf(out, "%s%c%s%c", name, '\0', value, '\0');
}

static void header_fields(struct buffer *out, const struct mail_request *request)
{
        struct buffer headers = {0};
        part_headers_each(&headers, request, header_pairs);
        for (size_t at = 0; at < headers.len;) {
                const char *name = headers.data + at, *value = name + strlen(name) + 1;
                pairs(out, request, "h:", (const struct pair[]){{name, value}, {NULL, NULL}});
                at += strlen(name) + strlen(value) + 2;
        }
        buffer_fini(&headers);
}

static bool mailgun_body(struct buffer *out, const struct mail_request *request,
                         const struct config_outlet *outlet)
{
        const struct mail *mail = &request->mail;
        bool read = true;
        (void)outlet;
        list_field(out, request, "from", mail->from);
        list_field(out, request, "to", mail->to);
        list_field(out, request, "cc", mail->cc);
        list_field(out, request, "bcc", mail->bcc);
        list_field(out, request, "h:Reply-To", mail->reply_to);
        field(out, request, "subject", mail->subject);
        field(out, request, "text", mail->text);
        field(out, request, "html", mail->html);
        header_fields(out, request);
        for (size_t i = 0; mail->tags && mail->tags[i]; i++)
                field(out, request, "o:tag", mail->tags[i]);
        pairs(out, request, "v:", mail->metadata);
        for (size_t i = 0; mail->attachments && mail->attachments[i].name && read; i++)
                read = file_field(out, request, i);
        buffer_add_text(out, "--");
        mail_preset_boundary(out, request);
        buffer_add_text(out, "--\r\n");
        return read;
}

/* All that begins with h:, o: or v:, as it is about to be written. */
static void header_measure(struct buffer *out, const char *name, const char *value, bool first)
{
        (void)first;
        buffer_printf(out, "h:%s%s", name, value);
}

static size_t mailgun_labels(const struct mail_request *request)
{
        const struct mail *mail = &request->mail;
        struct buffer all = {0};
        part_headers_each(&all, request, header_measure);
        if (mail->reply_to)
                buffer_add_text(&all, mail->reply_to);
        for (size_t i = 0; mail->tags && mail->tags[i]; i++)
                buffer_printf(&all, "o:tag%s", mail->tags[i]);
        for (const struct pair *pair = mail->metadata; pair && pair->name; pair++)
                buffer_printf(&all, "v:%s%s", pair->name, pair->value);
        size_t len = all.len;
        buffer_fini(&all);
        return len;
}

const struct mail_preset_rules preset_mailgun = {
        .name = "mailgun",
        .url = "https://api.mailgun.net",
        .path = "/v3/{domain}/messages",
        .auth = PRESET_AUTH_API,
        .auth_header = "Authorization",
        .needs = "api_key domain",
        .body = mailgun_body,
        .labels = mailgun_labels,
        .form = true,
        .id_member = "id",
        .error_member = "message",
        .can = {.recipients = 1000,
                .reply_to = 50,
                .tags = 10,
                .metadata = true,
                .bytes = 25 << 20,
                .labels_max = 16 << 10,
                .inline_files = true,
                .headers = true,
                .utf8 = false,
                .text_alone = true},
        /* Asked for an id with its <>, it answers with the events of all mails. */
        .look = {.path = "/v3/{domain}/events?limit=1&message-id={token}",
                 .list = "/items",
                 .id = "/message/headers/message-id",
                 .mark = "/message",
                 .lag_ms = 60000,
                 .retention_ms = INT64_C(3) * 24 * 3600 * 1000,
                 .by_message_id = true,
                 .by_default = true},
};
