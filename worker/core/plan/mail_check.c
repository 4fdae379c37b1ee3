#include "core/plan/mail_check.h"
#include "core/address/mailbox.h"
#include "core/plan/attachment_check.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

#include <strings.h>

static bool one_line(const char *text, size_t min, size_t max)
{
        size_t len = text ? strlen(text) : 0;
        return len >= min && len <= max && (!text || utf8_one_line(text, len));
}

static bool mail_printable(const char *text, size_t max)
{
        size_t len = strlen(text);
        for (size_t i = 0; i < len; i++)
                if (text[i] <= ' ' || text[i] > '~')
                        return false;
        return len > 0 && len <= max;
}

/* ---- addresses ---- */

/* How many mailboxes there are; what is wrong with one is added. */
static size_t mail_list_check(struct buffer *out, const char *member, const char *list)
{
        const char *at = list, *mistake = NULL;
        struct mailbox mailbox;
        size_t count = 0;
        if (list && strlen(list) > MAIL_LIST_MAX) {
                mistake_add(out, "/%s: over 32 KiB of addresses", member);
                return 0;
        }
        while (at && !mistake && mailbox_next(&at, &mailbox, &mistake))
                count++;
        if (mistake && count > 1)
                mistake_add(out, "/%s: mailbox %zu: %s", member, count, mistake);
        else if (mistake || (list && count == 0))
                mistake_add(out, "/%s: %s", member, mistake ? mistake : "expected an e-mail address");
        return count;
}

static void from_check(struct buffer *out, const char *from)
{
        struct mailbox mailbox;
        const char *mistake = from ? mailbox_parse(&mailbox, from) : NULL;
        if (from && strlen(from) > MAIL_LIST_MAX)
                mistake = "over 32 KiB";
        if (mistake)
                mistake_add(out, "/from: %s", mistake);
}

static void addresses_check(struct buffer *out, const struct mail *mail, size_t max)
{
        size_t before = out->len;
        from_check(out, mail->from);
        size_t to = mail_list_check(out, "to", mail->to ? mail->to : "");
        size_t cc = mail_list_check(out, "cc", mail->cc);
        size_t bcc = mail_list_check(out, "bcc", mail->bcc);
        size_t reply_to = mail_list_check(out, "reply_to", mail->reply_to);
        if (out->len == before && to + cc + bcc > max)
                mistake_add(out, "/to: %zu recipients in to, cc and bcc; at most 50", to + cc + bcc);
        if (reply_to > MAIL_RECIPIENTS_MAX)
                mistake_add(out, "/reply_to: over 50 mailboxes");
}

/* ---- headers ---- */

static bool starts(const char *text, const char *with)
{
        return strncasecmp(text, with, strlen(with)) == 0;
}

/* Written by leveret, or read by others as proof of where a mail comes from. */
static bool mail_is_reserved(const char *name)
{
        static const char *const names[] = {
                "From", "To",         "Cc",       "Bcc",          "Sender",      "Subject",      "Reply-To",
                "Date", "Message-ID", "Received", "MIME-Version", "Return-Path", "X-Leveret-To", NULL};
        static const char *const starting[] = {"Content-", "DKIM-", "ARC-", "Resent-", NULL};
        for (size_t i = 0; names[i]; i++)
                if (strcasecmp(names[i], name) == 0)
                        return true;
        for (size_t i = 0; starting[i]; i++)
                if (starts(name, starting[i]))
                        return true;
        return false;
}

/* A header that a member of the mail writes already. */
static bool is_doubled(const struct mail *mail, const char *name)
{
        bool unsubscribes = mail->list_unsubscribe.url || mail->list_unsubscribe.mailto;
        return (unsubscribes && (strcasecmp(name, "List-Unsubscribe") == 0 ||
                                 strcasecmp(name, "List-Unsubscribe-Post") == 0)) ||
               (mail->in_reply_to && strcasecmp(name, "In-Reply-To") == 0) ||
               (mail->references && strcasecmp(name, "References") == 0) ||
               (mail->tags && strcasecmp(name, "X-Tags") == 0) ||
               (mail->metadata && starts(name, "X-Metadata-"));
}

/* Less than RFC 5322 section 3.6.8 takes, as much as anybody uses: no line begins with a dot. */
static bool header_name_valid(const char *name)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
        size_t len = strlen(name);
        return len > 0 && len <= MAIL_HEADER_NAME_MAX && name[0] != '-' && strspn(name, letters) == len;
}

bool mail_header_allowed(const char *name)
{
        return header_name_valid(name) && !mail_is_reserved(name);
}

static const char *header_mistake(const struct mail *mail, const struct pair *header)
{
        if (mail_is_reserved(header->name))
                return "leveret writes this header itself, or it carries trust";
        if (is_doubled(mail, header->name))
                return "a member of the mail writes this header";
        for (const struct pair *other = mail->headers; other < header; other++)
                if (strcasecmp(other->name, header->name) == 0)
                        return "given twice";
        if (!one_line(header->value, 1, MAIL_HEADER_VALUE_MAX))
                return "expected one line of UTF-8 of 1 to 900 bytes";
        return NULL;
}

static void headers_check(struct buffer *out, const struct mail *mail)
{
        const struct pair *header = mail->headers;
        for (; header && header->name; header++) {
                if (!header_name_valid(header->name)) {
                        mistake_add(out, "/headers: the name of a header is 1 to 76 of [A-Za-z0-9_-]");
                        continue;
                }
                const char *mistake = header_mistake(mail, header);
                if (mistake)
                        mistake_add(out, "/headers/%s: %s", header->name, mistake);
        }
        if (header && header - mail->headers > MAIL_HEADERS_MAX)
                mistake_add(out, "/headers: over 30 headers");
}

static bool unsubscribe_url_valid(const char *url, bool https_only)
{
        bool scheme = starts(url, "https://") || (!https_only && starts(url, "http://"));
        return scheme && mail_printable(url, MAIL_URL_MAX) && !strpbrk(url, "<>\",") &&
               url[strcspn(url, ":") + 3];
}

/* "mailto:" and a valid address, perhaps with ?subject= and the like (RFC 6068), or the address alone. */
static bool mailto_valid(const char *text)
{
        const char *address = starts(text, "mailto:") ? text + strlen("mailto:") : text;
        return mail_printable(text, MAIL_URL_MAX) && !strpbrk(text, "<>\",") &&
               address_valid(address, strcspn(address, "?"));
}

static void unsubscribe_check(struct buffer *out, struct list_unsubscribe list)
{
        if (list.url && !unsubscribe_url_valid(list.url, false))
                mistake_add(
                        out,
                        "/list_unsubscribe/url: expected an http:// or https:// URL of at most 800 bytes");
        if (list.mailto && !mailto_valid(list.mailto))
                mistake_add(out, "/list_unsubscribe/mailto: expected an e-mail address or mailto:");
        if (list.one_click && (!list.url || !unsubscribe_url_valid(list.url, true)))
                mistake_add(out, "/list_unsubscribe/one_click: needs a url of https:// (RFC 8058)");
}

bool mail_message_id_valid(const char *id)
{
        size_t len = id ? strlen(id) : 0;
        return len >= 5 && mail_printable(id, MAIL_MESSAGE_ID_MAX) && id[0] == '<' && id[len - 1] == '>' &&
               strchr(id, '@') && !memchr(id + 1, '<', len - 2) && !memchr(id + 1, '>', len - 2);
}

static void thread_check(struct buffer *out, const struct mail *mail)
{
        size_t count = 0;
        if (mail->in_reply_to && !mail_message_id_valid(mail->in_reply_to))
                mistake_add(out, "/in_reply_to: expected a Message-ID, <id@host>");
        for (; mail->references && mail->references[count]; count++)
                if (!mail_message_id_valid(mail->references[count]))
                        mistake_add(out, "/references/%zu: expected a Message-ID, <id@host>", count);
        if (count > MAIL_REFERENCES_MAX)
                mistake_add(out, "/references: over 100 Message-IDs");
}

/* ---- what is for the service ---- */

static bool mail_name_valid(const char *name, const char *letters)
{
        size_t len = strlen(name);
        return len > 0 && len <= MAIL_NAME_MAX && strspn(name, letters) == len;
}

static void metadata_check(struct buffer *out, const struct mail *mail)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
        const struct pair *pair = mail->metadata;
        for (; pair && pair->name; pair++) {
                if (!mail_name_valid(pair->name, letters))
                        mistake_add(out, "/metadata: a name is 1 to 64 of [A-Za-z0-9_.-]");
                else if (!pair->value || !one_line(pair->value, 0, MAIL_METADATA_VALUE_MAX))
                        mistake_add(out, "/metadata/%s: expected one line of UTF-8 of at most 500 bytes",
                                    pair->name);
        }
        if (pair && pair - mail->metadata > MAIL_METADATA_MAX)
                mistake_add(out, "/metadata: over 20 pairs");
}

static void tags_check(struct buffer *out, const struct mail *mail)
{
        size_t count = 0;
        for (; mail->tags && mail->tags[count]; count++)
                if (!one_line(mail->tags[count], 1, MAIL_TAG_MAX))
                        mistake_add(out, "/tags/%zu: expected one line of UTF-8 of 1 to 128 bytes", count);
        if (count > MAIL_TAGS_MAX)
                mistake_add(out, "/tags: over 10 tags");
        if (mail->outlet && !mail_name_valid(mail->outlet, "abcdefghijklmnopqrstuvwxyz0123456789._-"))
                mistake_add(out, "/outlet: expected 1 to 64 of [a-z0-9._-]");
}

/* ---- the body ---- */

static void body_check(struct buffer *out, const struct mail *mail)
{
        size_t text = strlen(text_or(mail->text, "")), html = strlen(text_or(mail->html, ""));
        if (text + html == 0)
                mistake_add(out, "/text: neither text nor html");
        if (mail->text && !utf8_valid(mail->text, text))
                mistake_add(out, "/text: expected UTF-8");
        if (mail->html && !utf8_valid(mail->html, html))
                mistake_add(out, "/html: expected UTF-8");
}

static void subject_check(struct buffer *out, const char *subject)
{
        size_t len = subject ? strlen(subject) : 0;
        if (len == 0)
                mistake_add(out, "/subject: required");
        else if (len > MAIL_SUBJECT_MAX)
                mistake_add(out, "/subject: over 998 bytes");
        else if (!utf8_one_line(subject, len))
                mistake_add(out, "/subject: expected one line of UTF-8");
}

static void size_check(struct buffer *out, const struct mail *mail)
{
        size_t text = strlen(text_or(mail->text, "")), html = strlen(text_or(mail->html, "")), content = 0;
        for (const struct attachment *file = mail->attachments; file && file->name; file++)
                content += file->content_len;
        if (text + html > MAIL_BODY_MAX)
                mistake_add(out, "/text: text and html over 1 MiB");
        if (content > MAIL_CONTENT_MAX)
                mistake_add(out, "/attachments: over 4 MiB of content; name a url instead");
}

static void hazards_add(struct buffer *out, const struct mail *mail, size_t recipients_max)
{
        addresses_check(out, mail, recipients_max);
        subject_check(out, mail->subject);
        body_check(out, mail);
        headers_check(out, mail);
        unsubscribe_check(out, mail->list_unsubscribe);
        thread_check(out, mail);
        tags_check(out, mail);
        metadata_check(out, mail);
        attachments_check(out, mail);
}

void mail_hazards_add(struct buffer *out, const struct mail *mail)
{
        hazards_add(out, mail, MAIL_RECIPIENTS_SENT_MAX);
}

void mail_mistakes_add(struct buffer *out, const struct mail *mail)
{
        hazards_add(out, mail, MAIL_RECIPIENTS_MAX);
        size_check(out, mail);
}
