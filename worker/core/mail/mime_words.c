#include "core/mail/mime_words.h"
#include "core/address/mailbox.h"
#include "core/codec/base64.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

#include <stdlib.h>

/* Columns of a line, and of what an encoded-word carries: with its frame of 12 and "Reply-To: " it stays
 * under the 76 that RFC 2047 section 2 allows a line with encoded-words. Any character fits into 12. */
enum {
        LINE_MAX_COLUMNS = 78,
        WORDS_LINE_MAX = 76,
        WORD_FRAME = 12,
        WORD_PAYLOAD_MAX = 52,
        WORD_PAYLOAD_MIN = 12,
        PLAIN_WORD_MAX = 60,
        HEADER_NAME_COLUMNS = 12
};

void mime_hex_add(struct buffer *out, unsigned char c)
{
        static const char digits[] = "0123456789ABCDEF";
        char text[3] = {'=', digits[c >> 4], digits[c & 15]};
        buffer_add(out, text, sizeof text);
}

bool mime_prefers_base64(struct slice text)
{
        size_t encoded = 0;
        for (size_t i = 0; i < text.len; i++) {
                unsigned char c = (unsigned char)text.data[i];
                encoded += c >= 0x7f || c == '=';
        }
        return 2 * encoded >
               text.len / 3; /* two more characters for each encoded byte against a third more of all */
}

static bool letter_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What may stand for itself in a Q word, also within a phrase (RFC 2047 section 5 (3)). */
static bool q_plain(char c)
{
        return letter_or_digit(c) || (c && strchr("!*+-/", c));
}

/* Bytes of `text` that fit into one word of `max` columns; never cuts a character (RFC 2047 section 5). */
static size_t mime_word_len(struct slice text, bool base64, size_t max)
{
        size_t at = 0, columns = 0;
        while (at < text.len) {
                size_t width = utf8_width(text.data + at, text.len - at);
                if (width == 0)
                        abort(); /* the text was to be UTF-8 */
                bool plain = width == 1 && (q_plain(text.data[at]) || text.data[at] == ' ');
                if (base64)
                        columns = (at + width + 2) / 3 * 4;
                else
                        columns += plain ? 1 : 3 * width;
                if (columns > max)
                        break;
                at += width;
        }
        return at;
}

static void q_add(struct buffer *out, struct slice text)
{
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] == ' ')
                        buffer_add_char(out, '_');
                else if (q_plain(text.data[i]))
                        buffer_add_char(out, text.data[i]);
                else
                        mime_hex_add(out, (unsigned char)text.data[i]);
        }
}

/* The column at which the text that was added ends. */
static size_t column_of(const struct buffer *out)
{
        const char *line = out->len ? memrchr(out->data, '\n', out->len) : NULL;
        return line ? (size_t)(out->data + out->len - line - 1) : out->len;
}

/* Columns that an encoded-word can carry behind what stands on the line; one that is full may be too long. */
static size_t room_of(const struct buffer *out)
{
        size_t taken = column_of(out) + WORD_FRAME;
        return taken + WORD_PAYLOAD_MIN < WORDS_LINE_MAX ? WORDS_LINE_MAX - taken : WORD_PAYLOAD_MIN;
}

void mime_encoded_words_add(struct buffer *out, struct slice text)
{
        bool base64 = mime_prefers_base64(text);
        size_t room = room_of(out), max = room < WORD_PAYLOAD_MAX ? room : WORD_PAYLOAD_MAX;
        for (; text.len; max = WORD_PAYLOAD_MAX) {
                size_t len = mime_word_len(text, base64, max);
                struct slice piece = {.data = text.data, .len = len};
                buffer_add_text(out, base64 ? "=?utf-8?B?" : "=?utf-8?Q?");
                if (base64)
                        base64_add(out, piece.data, piece.len);
                else
                        q_add(out, piece);
                buffer_add_text(out, "?=");
                text = (struct slice){.data = text.data + len, .len = text.len - len};
                if (text.len)
                        buffer_add_text(out, "\r\n ");
        }
}

/* True if the text is single-spaced ASCII words, short enough to fold between them, that no reader takes for
 * encoded-words. */
static bool is_plain_words(struct slice text)
{
        size_t word = 0;
        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];
                bool pair = i + 1 < text.len && c == '=' && text.data[i + 1] == '?';
                if (c < ' ' || c > '~' || pair || (c == ' ' && word == 0))
                        return false;
                word = c == ' ' ? 0 : word + 1;
                if (word > PLAIN_WORD_MAX)
                        return false;
        }
        return text.len == 0 || word > 0;
}

static void folded_add(struct buffer *out, size_t column, struct slice text)
{
        while (text.len) {
                const char *space = memchr(text.data, ' ', text.len);
                size_t len = space ? (size_t)(space - text.data) : text.len;
                if (column + 1 + len > LINE_MAX_COLUMNS) {
                        buffer_add_text(out, "\r\n");
                        column = 0;
                }
                buffer_add_char(out, ' ');
                buffer_add(out, text.data, len);
                column += 1 + len;
                size_t taken = space ? len + 1 : len;
                text = (struct slice){.data = text.data + taken, .len = text.len - taken};
        }
}

void mime_text_header_add(struct buffer *out, const char *name, const char *text)
{
        struct slice value = slice_of(text);
        buffer_printf(out, "%s:", name);
        if (is_plain_words(value)) {
                folded_add(out, strlen(name) + 1, value);
        } else {
                buffer_add_char(out, ' ');
                mime_encoded_words_add(out, value);
        }
        buffer_add_text(out, "\r\n");
}

/* Adds a piece that must not be broken, on a line of its own if it does not fit behind what there is. */
static void piece_add(struct buffer *out, struct slice piece)
{
        bool fold = column_of(out) + 1 + piece.len > LINE_MAX_COLUMNS;
        buffer_add_text(out, fold ? "\r\n " : " ");
        buffer_add_slice(out, piece);
}

/* Single-spaced words of printable ASCII that no reader takes for encoded-words. */
static bool plain_value(struct slice text)
{
        bool spaced = true;
        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];
                bool pair = i + 1 < text.len && c == '=' && text.data[i + 1] == '?';
                if (c < ' ' || c > '~' || pair || (c == ' ' && spaced))
                        return false;
                spaced = c == ' ';
        }
        return !spaced || text.len == 0;
}

/* The first word stays beside the name: a line of spaces alone confuses readers. */
static void mime_value_add(struct buffer *out, struct slice text)
{
        for (bool first = true; text.len; first = false) {
                const char *space = memchr(text.data, ' ', text.len);
                size_t len = space ? (size_t)(space - text.data) : text.len;
                size_t taken = len + (space != NULL);
                bool fold = !first && column_of(out) + 1 + len > LINE_MAX_COLUMNS;
                buffer_add_text(out, fold ? "\r\n " : " ");
                buffer_add(out, text.data, len);
                text = (struct slice){.data = text.data + taken, .len = text.len - taken};
        }
}

void mime_value_header_add(struct buffer *out, const char *name, const char *value)
{
        struct slice text = slice_of(value);
        buffer_printf(out, "%s:", name);
        if (plain_value(text)) {
                mime_value_add(out, text);
        } else {
                /* a reader may take a line break right behind the name for a blank of the value */
                buffer_add_text(out, room_of(out) > WORD_PAYLOAD_MIN ? " " : "\r\n ");
                mime_encoded_words_add(out, text);
        }
        buffer_add_text(out, "\r\n");
}

void mime_pieces_header_add(struct buffer *out, const char *name, const char *const *pieces)
{
        buffer_printf(out, "%s: %s", name, pieces[0]);
        for (size_t i = 1; pieces[i]; i++)
                piece_add(out, slice_of(pieces[i]));
        buffer_add_text(out, "\r\n");
}

/* A display name in ASCII is written as it is, quoted if it must be; another one as encoded-words, which may
 * fold by themselves. */
static void name_add(struct buffer *out, struct slice name)
{
        struct buffer text = {0};
        if (name.len <= PLAIN_WORD_MAX && is_plain_words(name)) {
                mailbox_name_quote(&text, name);
                piece_add(out, (struct slice){.data = text.data, .len = text.len});
        } else {
                /* a full word is 64 columns: it begins a line of its own unless the name of the header is
                 * short */
                buffer_add_text(out, column_of(out) > HEADER_NAME_COLUMNS ? "\r\n " : " ");
                mime_encoded_words_add(out, name);
        }
        buffer_fini(&text);
}

static void mailbox_piece_add(struct buffer *out, struct mailbox mailbox, const char *end)
{
        struct buffer text = {0};
        if (mailbox.name.len) {
                mailbox_name_add(&text, mailbox);
                name_add(out, (struct slice){.data = text.data, .len = text.len});
                buffer_clear(&text);
        }
        buffer_add_text(&text, text_if(mailbox.name.len, "<"));
        buffer_add(&text, mailbox.address.data, mailbox.address.len);
        buffer_printf(&text, "%s%s", text_if(mailbox.name.len, ">"), end);
        piece_add(out, (struct slice){.data = text.data, .len = text.len});
        buffer_fini(&text);
}

void mime_mailboxes_header_add(struct buffer *out, const char *name, const char *list)
{
        struct mailbox mailbox;
        buffer_printf(out, "%s:", name);
        while (mailbox_take(&list, &mailbox))
                mailbox_piece_add(out, mailbox, *list ? "," : "");
        buffer_add_text(out, "\r\n");
}
