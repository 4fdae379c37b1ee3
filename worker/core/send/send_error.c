#include "core/send/send_error.h"
#include "core/address/mask.h"
#include "core/send/send_outcome.h"
#include "core/text/buffer.h"
#include "core/text/plain_text.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

#include <string.h>

struct send_result send_result_of(enum send_outcome outcome)
{
        return (struct send_result){.outcome = outcome, .retry_after_ms = -1};
}

static bool ends_word(char c)
{
        return (unsigned char)c <= ' ' || c == 0x7f || strchr("<>()\"',;:", c);
}

/* Bytes up to the end of the word that starts here. */
static size_t error_word_len(struct slice text)
{
        size_t len = 0;
        while (len < text.len && !ends_word(text.data[len]))
                len++;
        return len;
}

static void word_add(struct buffer *out, struct slice word)
{
        if (memchr(word.data, '@', word.len)) {
                buffer_add_text(out, "<address>");
                return;
        }
        for (size_t i = 0; i < word.len;) {
                size_t width = plain_text_width(word.data + i, word.len - i);
                if (width)
                        buffer_add(out, word.data + i, width);
                else
                        buffer_add_char(out, '?');
                i += width ? width : 1;
        }
}

static bool starts_with(struct slice text, const char *start)
{
        size_t len = start ? strlen(start) : 0;
        return len > 0 && text.len >= len && memcmp(text.data, start, len) == 0;
}

static struct slice error_without(struct slice text, size_t len)
{
        return (struct slice){.data = text.data + len, .len = text.len - len};
}

/* Bytes before the first occurrence of the secret, which may sit inside a word. */
static size_t before_secret(struct slice text, const char *secret)
{
        size_t len = 0;
        while (len < text.len && !starts_with(error_without(text, len), secret))
                len++;
        return len;
}

static void open_text_add(struct buffer *out, struct slice text)
{
        while (text.len) {
                size_t len = error_word_len(text);
                if (len) {
                        word_add(out, (struct slice){.data = text.data, .len = len});
                        text = error_without(text, len);
                        continue;
                }
                char c = (unsigned char)text.data[0] < ' ' || text.data[0] == 0x7f ? ' ' : text.data[0];
                buffer_add_char(out, c);
                text = error_without(text, 1);
        }
}

void send_error_set(struct send_result *result, const char *context, struct slice text, const char *secret)
{
        struct buffer out = {0};
        buffer_add_text(&out, context);
        while (text.len && ends_word(text.data[text.len - 1]))
                text.len--;
        if (text.len > 4 * SEND_ERROR_MAX)
                text.len = 4 * SEND_ERROR_MAX;
        if (text.len)
                buffer_add_text(&out, ": ");
        while (text.len) {
                size_t len = before_secret(text, secret);
                open_text_add(&out, (struct slice){.data = text.data, .len = len});
                text = error_without(text, len);
                if (text.len) {
                        buffer_add_text(&out, "<secret>");
                        text = error_without(text, strlen(secret));
                }
        }
        size_t len = utf8_prefix(out.data, out.len, SEND_ERROR_MAX - 1);
        memcpy(result->error, out.data, len);
        result->error[len] = '\0';
        buffer_fini(&out);
}

static bool in_word(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_';
}

/* FNV-1a over the words that hold no digit: what differs from mail to mail nearly always holds one. */
uint64_t send_likeness(const struct send_result *result)
{
        uint64_t hash = 14695981039346656037u ^ (uint64_t)result->status;
        for (const char *word = result->error; *word;) {
                size_t len = 0, digits = 0;
                for (; in_word(word[len]); len++)
                        digits += word[len] >= '0' && word[len] <= '9';
                for (size_t i = 0; i < len && digits == 0; i++)
                        hash = (hash ^ (unsigned char)word[i]) * 1099511628211u;
                word += len ? len : 1;
        }
        return hash ? hash : 1;
}

void send_error_add(struct send_result *result, struct slice text, const char *secret)
{
        char context[SEND_ERROR_MAX];
        memcpy(context, result->error, sizeof context);
        send_error_set(result, context, text, secret);
        if (result->likeness)
                result->likeness = send_likeness(result);
}

void send_refused_add(char refused[SEND_REFUSED_MAX], struct slice address, const char *words)
{
        char shown[128] = "";
        size_t used = strlen(refused), room = SEND_REFUSED_MAX - used;
        struct buffer note = {0};
        if (address.len)
                mask_text(shown, sizeof shown, address, (struct mask){0});
        buffer_add_text(&note, text_if(used > 0, "; "));
        buffer_printf(&note, "%s%s%s", shown, text_if(address.len > 0, ": "), words);
        if (note.len < room) /* a piece of an entry says less than nothing */
                memcpy(refused + used, note.data, note.len + 1);
        buffer_fini(&note);
}

void send_provider_id_set(struct send_result *result, struct slice id)
{
        size_t len = id.len < SEND_PROVIDER_ID_MAX - 1 ? id.len : SEND_PROVIDER_ID_MAX - 1;
        for (size_t i = 0; i < len; i++) {
                char c = id.data[i];
                result->provider_id[i] = c >= ' ' && c <= '~' ? c : '?';
        }
        result->provider_id[len] = '\0';
}
