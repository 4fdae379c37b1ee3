#ifndef LEVERET_CORE_HTML_TEXT_H
#define LEVERET_CORE_HTML_TEXT_H

#include "core/text/buffer.h"

/*
 * Adds a plain text of what people read in the html: blocks on lines of their own with an empty line between
 * paragraphs, `- ` before the items of lists, cells apart by a space, rows on lines, the alternative text of
 * images, the target of a link behind its words, "shop (https://example.com)". Comments, scripts, styles, the
 * title and the whole head are left out, white space counts as HTML has it. Ends with one line break, or adds
 * nothing. One pass, no stack: any html gives some text, in time and room that grow with its length alone.
 */
void html_text_add(struct buffer *out, struct slice html);

#endif
