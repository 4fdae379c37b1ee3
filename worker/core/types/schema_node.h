#ifndef LEVERET_CORE_SCHEMA_NODE_H
#define LEVERET_CORE_SCHEMA_NODE_H

#include "core/types/payload_schema.h"

/* Inside core/types only: a schema, compiled. */

enum schema_kind {
        SCHEMA_ANY,
        SCHEMA_OBJECT,
        SCHEMA_LIST,
        SCHEMA_STRING,
        SCHEMA_INTEGER,
        SCHEMA_NUMBER,
        SCHEMA_BOOLEAN,
};

enum schema_format { SCHEMA_FREE, SCHEMA_EMAIL, SCHEMA_DATE_TIME };

struct schema_property {
        const char *name;
        const struct payload_schema *schema;
        bool required;
};

struct payload_schema {
        enum schema_kind kind;
        bool nullable;
        const char *description;
        const struct document *source;
        const json_t *choices; /* of enum or const, an array; NULL: any value */
        /* Objects. */
        struct schema_property *properties;
        size_t property_count;
        bool closed;
        /* Lists. */
        const struct payload_schema *items; /* NULL: anything */
        size_t min_items, max_items;
        /* Strings: characters. */
        size_t min_length, max_length;
        bool one_line;
        enum schema_format format;
        /* Numbers. */
        double min, max;
};

/* What `type schema` writes for one line without control characters; the only pattern that is known. */
#define SCHEMA_ONE_LINE "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"

#endif
