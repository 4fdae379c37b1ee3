#include "core/mail/mime_file.h"
#include "core/mail/mime_words.h"
#include "core/text/utf8.h"

#include <string.h>
#include <strings.h>

enum { PARAMETER_LINE_MAX = 76, PIECE_ROOM = 9 }; /* columns; those that `;`, `*nn*=` and the like need */

/* ASCII that no reader takes for an encoded-word, and whose blanks none takes away. */
static bool name_is_plain(const char *name)
{
        size_t len = strlen(name);
        for (const char *c = name; *c; c++)
                if (*c < ' ' || *c > '~')
                        return false;
        return !strstr(name, "=?") && !strstr(name, "  ") && name[0] != ' ' && name[len - 1] != ' ';
}

static void quoted_add(struct buffer *out, const char *text)
{
        buffer_add_char(out, '"');
        for (const char *c = text; *c; c++) {
                if (*c == '"' || *c == '\\')
                        buffer_add_char(out, '\\');
                buffer_add_char(out, *c);
        }
        buffer_add_char(out, '"');
}

/* attribute-char of RFC 2231 section 7. */
static bool is_attribute_char(unsigned char c)
{
        return c > ' ' && c < 0x7f && !strchr("*'%()<>@,;:\\\"/[]?=", c);
}

static size_t width_of(unsigned char c)
{
        return is_attribute_char(c) ? 1 : 3;
}

/* Bytes of `text` that go into a piece of `columns`; characters are not cut. */
static size_t piece_len(const char *text, size_t columns)
{
        size_t len = strlen(text), at = 0, used = 0;
        while (at < len) {
                size_t character = utf8_width(text + at, len - at), width = 0;
                for (size_t i = 0; i < character; i++)
                        width += width_of((unsigned char)text[at + i]);
                if (used + width > columns)
                        break;
                used += width;
                at += character;
        }
        return at;
}

static void mime_attribute_add(struct buffer *out, const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (is_attribute_char((unsigned char)text[i]))
                        buffer_add_char(out, text[i]);
                else
                        buffer_printf(out, "%%%02X", (unsigned char)text[i]);
}

/* RFC 2231 sections 3 and 4. */
static void extended_add(struct buffer *out, const char *parameter, const char *name)
{
        static const char charset[] = "utf-8''";
        size_t columns = PARAMETER_LINE_MAX - PIECE_ROOM - strlen(parameter);
        size_t first = piece_len(name, columns - strlen(charset));
        if (name[first] == '\0') {
                buffer_printf(out, ";\r\n %s*=%s", parameter, charset);
                mime_attribute_add(out, name, first);
                return;
        }
        for (int piece = 0; *name; piece++) {
                size_t len = piece == 0 ? first : piece_len(name, columns);
                buffer_printf(out, ";\r\n %s*%d*=%s", parameter, piece, piece == 0 ? charset : "");
                mime_attribute_add(out, name, len);
                name += len;
        }
}

static void disposition_add(struct buffer *out, const struct attachment *file)
{
        buffer_printf(out, "Content-Disposition: %s", file->inline_id ? "inline" : "attachment");
        if (name_is_plain(file->name)) {
                buffer_add_text(out, ";\r\n filename=");
                quoted_add(out, file->name);
        } else {
                extended_add(out, "filename", file->name);
        }
        buffer_add_text(out, "\r\n");
}

/* `application/pdf; name=x`: a parameter must not be there twice, and readers differ in which one they take.
 */
static bool type_has_name(const char *type)
{
        bool quoted = false;
        for (; *type; type++) {
                quoted ^= *type == '"';
                if (quoted || *type != ';')
                        continue;
                const char *parameter = type + 1 + strspn(type + 1, " ");
                if (strncasecmp(parameter, "name=", 5) == 0 || strncasecmp(parameter, "name*", 5) == 0)
                        return true;
        }
        return false;
}

static void type_add(struct buffer *out, const struct attachment *file)
{
        const char *type = file->type ? file->type : "application/octet-stream";
        if (type_has_name(type)) {
                buffer_printf(out, "Content-Type: %s\r\n", type);
                return;
        }
        buffer_printf(out, "Content-Type: %s;\r\n name=", type);
        if (name_is_plain(file->name)) {
                quoted_add(out, file->name);
        } else {
                buffer_add_char(out, '"');
                mime_encoded_words_add(out, slice_of(file->name));
                buffer_add_char(out, '"');
        }
        buffer_add_text(out, "\r\n");
}

void mime_file_headers_add(struct buffer *out, const struct attachment *file)
{
        type_add(out, file);
        disposition_add(out, file);
        if (file->inline_id)
                buffer_printf(out, "Content-ID: <%s>\r\n", file->inline_id);
        buffer_add_text(out, "Content-Transfer-Encoding: base64\r\n\r\n");
}
