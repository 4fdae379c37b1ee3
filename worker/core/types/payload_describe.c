#include "core/text/word.h"
#include "core/types/schema_node.h"

#include <math.h>

struct payload_describer {
        struct buffer *out;
        size_t width;
};

static const char *kind_word(const struct payload_schema *schema)
{
        switch (schema->kind) {
        case SCHEMA_ANY:
                return "anything";
        case SCHEMA_OBJECT:
                return "object";
        case SCHEMA_LIST:
                return "list";
        case SCHEMA_STRING:
                return schema->format == SCHEMA_EMAIL ? "e-mail address" : "string";
        case SCHEMA_INTEGER:
                return "integer";
        case SCHEMA_NUMBER:
                return "number";
        case SCHEMA_BOOLEAN:
                return "true or false";
        }
        return "";
}

static void payload_describe_add_count(struct buffer *out, size_t min, size_t max, const char *what)
{
        if (min > 0 && max < SIZE_MAX)
                buffer_printf(out, ", %zu to %zu %s", min, max, what);
        else if (max < SIZE_MAX)
                buffer_printf(out, ", at most %zu %s", max, what);
        else if (min > 0)
                buffer_printf(out, ", at least %zu %s", min, what);
}

static void add_limits(struct buffer *out, const struct payload_schema *schema)
{
        if (!isinf(schema->min))
                buffer_printf(out, ", at least %.15g", schema->min);
        if (!isinf(schema->max))
                buffer_printf(out, ", at most %.15g", schema->max);
        payload_describe_add_count(out, schema->min_length, schema->max_length, "characters");
        payload_describe_add_count(out, schema->min_items, schema->max_items, "items");
        if (schema->one_line)
                buffer_add_text(out, ", one line");
        if (schema->format == SCHEMA_DATE_TIME)
                buffer_add_text(out, ", a time as 2026-01-02T03:04:05Z");
        for (size_t i = 0; i < json_array_size(schema->choices); i++) {
                buffer_add_text(out, i ? ", " : ", one of: ");
                json_compact_sorted(out, json_array_get(schema->choices, i));
        }
}

static size_t pointer_width(const struct payload_schema *schema, size_t before)
{
        size_t widest = 0;
        for (size_t i = 0; i < schema->property_count; i++) {
                const struct payload_schema *inner = schema->properties[i].schema;
                size_t width = before + 1 + strlen(schema->properties[i].name);
                widest = width > widest ? width : widest;
                for (; inner && inner->kind == SCHEMA_LIST; inner = inner->items)
                        width += strlen("/*");
                width = inner ? pointer_width(inner, width) : 0;
                widest = width > widest ? width : widest;
        }
        return widest;
}

static void property_line(const struct payload_describer *describer, const struct schema_property *property,
                          const char *pointer)
{
        struct buffer *out = describer->out;
        const struct payload_schema *schema = property->schema;
        buffer_printf(out, "%-*s  %s", (int)describer->width, pointer, kind_word(schema));
        add_limits(out, schema);
        buffer_add_text(out, property->required ? "" : ", optional");
        buffer_printf(out, "%s%s\n", text_if(schema->description, ": "), text_or(schema->description, ""));
}

static void properties_describe(const struct payload_describer *describer,
                                const struct payload_schema *schema, const char *before)
{
        for (size_t i = 0; i < schema->property_count; i++) {
                const struct schema_property *property = &schema->properties[i];
                const struct payload_schema *inner = property->schema;
                struct buffer pointer = {0};
                buffer_printf(&pointer, "%s/%s", before, property->name);
                property_line(describer, property, pointer.data);
                for (; inner && inner->kind == SCHEMA_LIST; inner = inner->items)
                        buffer_add_text(&pointer, "/*");
                if (inner)
                        properties_describe(describer, inner, pointer.data);
                buffer_fini(&pointer);
        }
}

void payload_describe(struct buffer *out, const struct payload_schema *schema)
{
        struct payload_describer describer = {.out = out, .width = pointer_width(schema, 0)};
        properties_describe(&describer, schema, "");
}
