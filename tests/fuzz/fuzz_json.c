/* Any text: refused with a place, or its canonical form is a fixed point. jansson's own parser judges alike.
 */

#include "fuzz.h"

#include "core/codec/json.h"
#include "core/text/plain_text.h"

static bool json_fuzz_bounded(const char *error)
{
        return strstr(error, "nested deeper") || strstr(error, "more than 20000");
}

/* Is it what jansson reads, but for numbers, of which it may change or refuse some, for our bounds, and for a
 * NUL after the value, which it takes for the end? */
static void compare(struct slice text, const json_t *value, const char *error)
{
        if (text.len > 0 && memchr(text.data, '\0', text.len)) {
                CHECK(!value);
                return;
        }
        json_error_t refused;
        json_t *peer = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &refused);
        if (!peer) {
                CHECK(!value || json_error_code(&refused) == json_error_numeric_overflow);
                return;
        }
        CHECK(value || json_fuzz_bounded(error));
        struct buffer ours = {0}, doubles = {0}, theirs = {0};
        if (value) {
                json_compact_both(&ours, &doubles, value);
                json_compact_sorted(&theirs, peer);
                const struct buffer *like = doubles.len ? &doubles : &ours;
                CHECK(like->len == theirs.len && memcmp(like->data, theirs.data, theirs.len) == 0);
        }
        json_decref(peer);
        buffer_fini(&ours);
        buffer_fini(&doubles);
        buffer_fini(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char error[JSON_CAUSE_MAX] = "";
        struct buffer first = {0}, again = {0};
        json_t *value = json_parse((struct slice){.data = (const char *)data, .len = size}, error);
        compare((struct slice){.data = (const char *)data, .len = size}, value, error);
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
