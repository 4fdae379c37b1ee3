/* Any text: refused with a place, or its canonical form is a fixed point. */

#include "fuzz.h"

#include "core/codec/json.h"
#include "core/text/plain_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char error[JSON_CAUSE_MAX] = "";
        struct buffer first = {0}, again = {0};
        json_t *value = json_parse((struct slice){.data = (const char *)data, .len = size}, error);
        if (!value) {
                CHECK(error[0] && plain_text_is(slice_of(error), JSON_CAUSE_MAX));
                return 0;
        }
        json_compact_sorted(&first, value);
        json_t *copy = json_parse((struct slice){.data = first.data, .len = first.len}, error);
        CHECK(copy);
        CHECK(json_equal(value, copy));
        json_compact_sorted(&again, copy);
        CHECK(first.len == again.len && memcmp(first.data, again.data, first.len) == 0);
        json_decref(value);
        json_decref(copy);
        buffer_fini(&first);
        buffer_fini(&again);
        return 0;
}
