#ifndef LEVERET_TESTS_MIME_LINES_H
#define LEVERET_TESTS_MIME_LINES_H

#include "fuzz.h"

#include "core/text/buffer.h"

#include <strings.h>

/* CRLF and nothing else ends a line, no line is over 998 bytes or begins with a dot, and headers come once.
 */
static inline void check_lines(const struct buffer *out)
{
        size_t line = 0, headers_to = 0;
        bool in_headers = true;
        CHECK(out->len >= 2 && memcmp(out->data + out->len - 2, "\r\n", 2) == 0);
        for (size_t i = 0; i < out->len; i++) {
                CHECK((unsigned char)out->data[i] < 0x80 && out->data[i] != '\0');
                CHECK(out->data[i] != '\r' || out->data[i + 1] == '\n');
                if (out->data[i] != '\n')
                        continue;
                CHECK(i > 0 && out->data[i - 1] == '\r' && i - line <= 998 && out->data[line] != '.');
                headers_to += in_headers && strncmp(out->data + line, "To:", 3) == 0;
                CHECK(!in_headers || strncasecmp(out->data + line, "Bcc:", 4) != 0);
                in_headers = in_headers && i - line > 1;
                line = i + 1;
        }
        CHECK(headers_to == 1 && !in_headers);
}

#endif
