#ifndef LEVERET_CORE_ROFF_H
#define LEVERET_CORE_ROFF_H

#include "core/text/buffer.h"

/* Text for a manual page in man(7): what roff would take for its own is escaped. */

/* Adds the page's heading; `section` is "1" or "5". */
void roff_add_title(struct buffer *out, const char *name, const char *section);
void roff_add_section(struct buffer *out, const char *title);
/* Adds `len` bytes of one line, without its end. */
void roff_add(struct buffer *out, const char *text, size_t len);
/* Adds text of any number of lines, each filled up with the next, and a line feed. */
void roff_add_text(struct buffer *out, const char *text);
/* Begins a paragraph that hangs behind a bold tag. */
void roff_add_tag(struct buffer *out, const char *tag, size_t len);

#endif
