#ifndef LEVERET_CORE_RECORD_FIELDS_H
#define LEVERET_CORE_RECORD_FIELDS_H

#include "core/memory/slice.h"

/* The fields of a record as Redis lists them: name, value, name, value. */
struct record_fields {
        const struct slice *texts;
        size_t count; /* of the texts */
};

/* The value of the first field with that name; absent if there is none. */
static inline struct slice record_field(const struct record_fields *fields, const char *name)
{
        for (size_t i = 0; i + 1 < fields->count; i += 2)
                if (slice_is(fields->texts[i], name))
                        return fields->texts[i + 1];
        return (struct slice){0};
}

#endif
