#include "core/plan/attachment_check.h"
#include "core/codec/sha256.h"
#include "core/plan/mail_check.h"
#include "core/text/utf8.h"

#include <stdarg.h>
#include <strings.h>

void mistake_add(struct buffer *out, const char *format, ...)
{
        va_list args;
        if (out->len)
                buffer_add_text(out, "; ");
        va_start(args, format);
        buffer_vprintf(out, format, args);
        va_end(args);
}

static const char ID_LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";

/* RFC 2045 section 5.1. */
static size_t token_len(const char *text)
{
        size_t len = 0;
        while (text[len] > ' ' && text[len] <= '~' && !strchr("()<>@,;:\\\"/[]?=", text[len]))
                len++;
        return len;
}

/* One past a parameter, `; name=value` or `; name="value"`; NULL if this is none. */
static const char *parameter_end(const char *at)
{
        at += strspn(at + 1, " ") + 1;
        size_t name = token_len(at);
        if (name == 0 || at[name] != '=')
                return NULL;
        at += name + 1;
        if (*at != '"')
                return token_len(at) ? at + token_len(at) : NULL;
        for (at++; *at && *at != '"' && *at != '\\'; at++)
                ;
        return *at == '"' ? at + 1 : NULL;
}

/* `type/subtype` with parameters (RFC 2045 section 5.1); one_line of ASCII is the caller's. */
static bool type_parses(const char *type)
{
        size_t major = token_len(type);
        if (major == 0 || type[major] != '/' || token_len(type + major + 1) == 0)
                return false;
        const char *at = type + major + 1 + token_len(type + major + 1);
        while (at && *at)
                at = *at == ';' ? parameter_end(at) : NULL;
        return at != NULL;
}

static const char *type_mistake(const char *type)
{
        size_t len = strlen(type);
        bool ascii = true;
        for (size_t i = 0; i < len; i++)
                ascii &= type[i] >= ' ' && type[i] <= '~';
        if (!ascii || len > MAIL_ATTACHMENT_TYPE_MAX || !type_parses(type))
                return "expected a media type such as application/pdf";
        /* RFC 2046 sections 5.1 and 5.2.1 forbid them the base64 that a file needs. */
        if (strncasecmp(type, "multipart/", 10) == 0 || strncasecmp(type, "message/", 8) == 0)
                return "multipart and message cannot be attached; say application/octet-stream";
        return NULL;
}

/* Of UTF-8, where a byte 10xxxxxx goes on with a character. */
static size_t characters_of(const char *text)
{
        size_t count = 0;
        for (; *text; text++)
                count += ((unsigned char)*text & 0xc0) != 0x80;
        return count;
}

/* A name that can be no path on any system. */
static bool attachment_name_valid(const char *name)
{
        size_t len = strlen(name);
        return len > 0 && characters_of(name) <= MAIL_ATTACHMENT_NAME_MAX && utf8_one_line(name, len) &&
               !strpbrk(name, "/\\") && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool sha256_valid(const char *sha256)
{
        size_t len = strlen(sha256);
        return len == SHA256_HEX_SIZE - 1 && strspn(sha256, "0123456789abcdefABCDEF") == len;
}

static bool content_matches(const struct attachment *file)
{
        struct sha256 hash;
        char hex[SHA256_HEX_SIZE];
        sha256_init(&hash);
        sha256_add(&hash, file->content, file->content_len);
        sha256_final_hex(&hash, hex);
        return strcasecmp(hex, file->sha256) == 0;
}

static bool attachment_url_valid(const char *url)
{
        size_t len = strlen(url), scheme = strncasecmp(url, "https://", 8) == 0 ? 8 : 7;
        if (scheme == 7 && strncasecmp(url, "http://", 7) != 0)
                return false;
        for (size_t i = 0; i < len; i++)
                if (url[i] <= ' ' || url[i] > '~')
                        return false;
        return len > scheme && len <= 2000;
}

static void source_check(struct buffer *out, size_t i, const struct attachment *file)
{
        bool good_sha = !file->sha256 || sha256_valid(file->sha256);
        if (!file->content == !file->url)
                mistake_add(out, "/attachments/%zu: expected either content or url", i);
        if (file->url && !attachment_url_valid(file->url))
                mistake_add(out,
                            "/attachments/%zu/url: expected an http:// or https:// URL of at most 2000 bytes",
                            i);
        if (file->url && !file->sha256)
                mistake_add(out, "/attachments/%zu/sha256: required with a url", i);
        if (!good_sha)
                mistake_add(out, "/attachments/%zu/sha256: expected 64 hex digits", i);
        if (file->size < 0)
                mistake_add(out, "/attachments/%zu/size: expected a number of bytes", i);
        if (file->content && file->size > 0 && (uint64_t)file->size != file->content_len)
                mistake_add(out, "/attachments/%zu/size: the content has %zu bytes", i, file->content_len);
        if (file->content && file->sha256 && good_sha && !content_matches(file))
                mistake_add(out, "/attachments/%zu/sha256: the content has another", i);
}

static bool inline_id_taken(const struct mail *mail, size_t i)
{
        for (size_t other = 0; other < i; other++)
                if (mail->attachments[other].inline_id &&
                    strcmp(mail->attachments[other].inline_id, mail->attachments[i].inline_id) == 0)
                        return true;
        return false;
}

static void inline_check(struct buffer *out, const struct mail *mail, size_t i)
{
        const char *id = mail->attachments[i].inline_id;
        if (!id)
                return;
        size_t len = strlen(id);
        if (len == 0 || len > MAIL_NAME_MAX || strspn(id, ID_LETTERS) != len)
                mistake_add(out, "/attachments/%zu/inline_id: expected 1 to 64 of [A-Za-z0-9._@-]", i);
        else if (inline_id_taken(mail, i))
                mistake_add(out, "/attachments/%zu/inline_id: given twice", i);
        if (!mail->html)
                mistake_add(out, "/attachments/%zu/inline_id: there is no html to show it in", i);
}

void attachments_check(struct buffer *out, const struct mail *mail)
{
        size_t count = 0;
        const struct attachment *files = mail->attachments;
        for (; files && files[count].name; count++) {
                const char *type = files[count].type ? type_mistake(files[count].type) : NULL;
                if (!attachment_name_valid(files[count].name))
                        mistake_add(out,
                                    "/attachments/%zu/name: expected 1 to 255 characters that are no path",
                                    count);
                if (type)
                        mistake_add(out, "/attachments/%zu/type: %s", count, type);
                source_check(out, count, &files[count]);
                inline_check(out, mail, count);
        }
        if (count > MAIL_ATTACHMENTS_MAX)
                mistake_add(out, "/attachments: over 20 files");
}
