#include "core/text/roff.h"

#include <string.h>

/* Of the text, not of the day: the same source gives the same page. */
#define PAGE_DATE "2026-12-02"

void roff_add_title(struct buffer *out, const char *name, const char *section)
{
        buffer_printf(out, ".TH %s %s %s \"leveret " LEVERET_VERSION "\" leveret\n.nh\n.ad l\n", name,
                      section, PAGE_DATE);
}

void roff_add_section(struct buffer *out, const char *title)
{
        buffer_printf(out, ".SH %s\n", title);
}

void roff_add(struct buffer *out, const char *text, size_t len)
{
        if (len > 0 && (text[0] == '.' || text[0] == '\''))
                buffer_add_text(out, "\\&");
        for (size_t i = 0; i < len; i++) {
                if (text[i] == '\\')
                        buffer_add_text(out, "\\e");
                else if (text[i] == '-')
                        buffer_add_text(out, "\\-");
                else if (text[i] == '\'')
                        buffer_add_text(out, "\\(aq");
                else if (text[i] == '~')
                        buffer_add_text(out, "\\(ti");
                else if (text[i] == '^')
                        buffer_add_text(out, "\\(ha");
                else if (text[i] == '`')
                        buffer_add_text(out, "\\(ga");
                else
                        buffer_add_char(out, text[i]);
        }
}

void roff_add_text(struct buffer *out, const char *text)
{
        while (*text) {
                size_t len = strcspn(text, "\n");
                roff_add(out, text, len);
                buffer_add_char(out, '\n');
                text += len + (text[len] == '\n');
        }
}

void roff_add_tag(struct buffer *out, const char *tag, size_t len)
{
        buffer_add_text(out, ".TP\n\\fB");
        roff_add(out, tag, len);
        buffer_add_text(out, "\\fR\n");
}
