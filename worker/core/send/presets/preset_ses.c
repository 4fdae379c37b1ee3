/* https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and CommonErrors */
#include "core/address/mailbox.h"
#include "core/codec/base64.h"
#include "core/mail/mime.h"
#include "core/send/mail_preset.h"
#include "core/send/presets/preset_parts.h"

static void addresses(struct buffer *out, const char *start, const char *list)
{
        struct mailbox mailbox;
        if (!list)
                return;
        buffer_add_text(out, start);
        for (bool first = true; mailbox_take(&list, &mailbox); first = false) {
                buffer_add_text(out, first ? "" : ",");
                buffer_add_json_string(out, mailbox.address);
        }
        buffer_add_char(out, ']');
}

/* A name for each tag, and the metadata beside them: EmailTags have no values that may be empty. */
static void email_tags(struct buffer *out, const struct mail *mail)
{
        bool first = true;
        for (size_t i = 0; mail->tags && mail->tags[i]; i++, first = false) {
                part_text(out, first ? ",\"EmailTags\":[{\"Name\":" : ",{\"Name\":", mail->tags[i]);
                buffer_add_text(out, ",\"Value\":\"1\"}");
        }
        for (const struct pair *pair = mail->metadata; pair && pair->name; pair++, first = false) {
                part_text(out, first ? ",\"EmailTags\":[{\"Name\":" : ",{\"Name\":", pair->name);
                part_text(out, ",\"Value\":", pair->value);
                buffer_add_char(out, '}');
        }
        buffer_add_text(out, first ? "" : "]");
}

/* The whole message, as over SMTP; who gets it stands beside it, bcc too. */
static bool ses_body(struct buffer *out, const struct mail_request *request,
                     const struct config_outlet *outlet)
{
        struct buffer message = {0};
        (void)outlet;
        bool read = mime_add(&message, request);
        buffer_add_text(out, "{\"Content\":{\"Raw\":{\"Data\":\"");
        base64_add(out, message.data, message.len);
        buffer_fini(&message);
        addresses(out, "\"}},\"Destination\":{\"ToAddresses\":[", request->mail.to);
        addresses(out, ",\"CcAddresses\":[", request->mail.cc);
        addresses(out, ",\"BccAddresses\":[", request->mail.bcc);
        buffer_add_char(out, '}');
        email_tags(out, &request->mail);
        buffer_add_char(out, '}');
        return read;
}

const struct mail_preset_rules preset_ses = {
        .name = "ses",
        .url = "https://email.{region}.amazonaws.com",
        .path = "/v2/email/outbound-emails",
        .auth = PRESET_AUTH_SIGV4,
        .needs = "username password region",
        .body = ses_body,
        .id_member = "MessageId",
        .error_member = "message",
        .code_member = "__type", /* where the header is missing: what takes its place says it there alone */
        .code_header = "x-amzn-ErrorType",
        /* "Later" is a 400 of its own. */
        .answers = {{0, "ThrottlingException", SEND_TRANSIENT, true},
                    {0, "Throttling", SEND_TRANSIENT, true},
                    {0, "TooManyRequestsException", SEND_TRANSIENT, true},
                    {0, "LimitExceededException", SEND_TRANSIENT, true},
                    {0, "MailFromDomainNotVerifiedException", SEND_CONFIG, false},
                    {0, "AccountSuspendedException", SEND_CONFIG, false},
                    {0, "SendingPausedException", SEND_CONFIG, false},
                    {0, "NotFoundException", SEND_CONFIG, false}},
        .can = {.recipients = 50,
                .reply_to = 50,
                .tags = 10,
                .metadata = true,
                .words = true,
                .tag_max = 256,
                .bytes = 40 << 20,
                .inline_files = true,
                .headers = true,
                .text_alone = true},
};
