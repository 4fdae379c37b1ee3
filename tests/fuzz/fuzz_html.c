/* Any UTF-8 at what makes a plain text of html: UTF-8 comes out, that steers no terminal and ends in one line
 * break, never much longer than what went in. */

#include "fuzz.h"

#include "core/text/html_text.h"
#include "core/text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buffer text = {0};
        if (!utf8_valid((const char *)data, size))
                return 0;
        html_text_add(&text, (struct slice){.data = (const char *)data, .len = size});
        CHECK(utf8_valid(text.data, text.len));
        CHECK(text.len <= 2 * size + 1);
        CHECK(text.len == 0 || (text.data[text.len - 1] == '\n' && text.data[0] != '\n'));
        buffer_fini(&text);
        return 0;
}
