#include "core/record/record_json.h"

#include "core/codec/json.h"

#include <string.h>

static bool record_ends_in_ms(struct slice name)
{
        return name.len > 3 && memcmp(name.data + name.len - 3, "_ms", 3) == 0;
}

static bool is_count(struct slice name, struct slice value)
{
        static const char *const counts[] = {"attempt", "deferrals",    "redrives",
                                             "starts",  "effects_done", "effects_total"};
        enum { DIGITS_MAX = 15 }; /* what a double, and so every reader of JSON, holds exactly */
        bool counts_something = record_ends_in_ms(name);
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
                counts_something = counts_something || slice_is(name, counts[i]);
        return counts_something && value.len <= DIGITS_MAX && json_number_is(value);
}

void record_json_field(struct buffer *out, struct slice name, struct slice value)
{
        buffer_add_json_string(out, name);
        buffer_add_char(out, ':');
        if (is_count(name, value))
                buffer_add_slice(out, value);
        else
                buffer_add_json_string(out, value);
}
