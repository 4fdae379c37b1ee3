#include "core/address/address.h"
#include "core/codec/json_pointer.h"
#include "core/codec/rfc3339.h"
#include "core/text/suggest.h"
#include "core/text/utf8.h"
#include "core/text/word.h"
#include "core/types/schema_node.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SHOWN_MAX = 64 };

/* Where in the payload we are: from the innermost name outwards, on the stack. */
struct payload_place {
        const struct payload_place *outer; /* NULL: the payload itself */
        const char *name;                  /* NULL: an item of a list */
        size_t index;
};

static bool value_check(const struct payload_schema *schema, const struct payload_place *place,
                        const json_t *value, struct faults *faults);

static void pointer_write(struct buffer *text, const struct payload_place *place)
{
        if (!place->outer)
                return;
        pointer_write(text, place->outer);
        buffer_add_char(text, '/');
        if (!place->name)
                buffer_printf(text, "%zu", place->index);
        else
                json_pointer_escape(text, place->name);
}

static bool payload_wrong(struct faults *faults, const struct payload_place *place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Keeps the fault and goes on; always false. */
static bool payload_wrong(struct faults *faults, const struct payload_place *place, const char *format, ...)
{
        struct buffer text = {0};
        pointer_write(&text, place);
        buffer_add_text(&text, place->outer ? ": " : "payload: ");
        va_list args;
        va_start(args, format);
        buffer_vprintf(&text, format, args);
        va_end(args);
        faults_add(faults, "%s", text.data);
        buffer_fini(&text);
        return false;
}

/* ---- Numbers ---- */

static void limit_write(char text[32], double limit)
{
        bool whole = limit == floor(limit) && fabs(limit) < 1e16;
        snprintf(text, 32, whole ? "%.0f" : "%.15g", limit);
}

static bool wrong_range(const struct payload_schema *schema, const struct payload_place *place,
                        const char *what, struct faults *faults)
{
        char min[32], max[32];
        limit_write(min, schema->min);
        limit_write(max, schema->max);
        if (isinf(schema->min) && isinf(schema->max))
                return payload_wrong(faults, place, "expected %s of 64 bits, found a greater one", what);
        if (isinf(schema->max))
                return payload_wrong(faults, place, "expected %s of at least %s", what, min);
        if (isinf(schema->min))
                return payload_wrong(faults, place, "expected %s of at most %s", what, max);
        return payload_wrong(faults, place, "expected %s from %s to %s", what, min, max);
}

static bool integer_check(const struct payload_schema *schema, const struct payload_place *place,
                          const json_t *value, struct faults *faults)
{
        struct slice wide = json_wide(value);
        int64_t integer;
        bool whole = json_whole(value, &integer);
        if (!whole && wide.len && strspn(wide.data, "-0123456789") == wide.len)
                return wrong_range(schema, place, "an integer", faults);
        if (!whole)
                return payload_wrong(faults, place, "expected an integer");
        double number = (double)integer;
        if (number < schema->min || number > schema->max)
                return wrong_range(schema, place, "an integer", faults);
        return true;
}

static bool number_check(const struct payload_schema *schema, const struct payload_place *place,
                         const json_t *value, struct faults *faults)
{
        double number;
        if (!json_number(value, &number))
                return payload_wrong(faults, place, "expected a number");
        if (isinf(number) || number < schema->min || number > schema->max)
                return wrong_range(schema, place, "a number", faults);
        return true;
}

/* ---- Texts ---- */

static size_t character_count(struct slice text)
{
        size_t count = 0;
        for (size_t i = 0; i < text.len; i++)
                count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
        return count;
}

static bool length_check(const struct payload_schema *schema, const struct payload_place *place,
                         struct slice text, struct faults *faults)
{
        if (text.len <= schema->max_length && schema->min_length == 0)
                return true;
        size_t count = character_count(text);
        if (count >= schema->min_length && count <= schema->max_length)
                return true;
        if (schema->max_length == SIZE_MAX)
                return payload_wrong(faults, place, "expected at least %zu characters", schema->min_length);
        if (schema->min_length == 0)
                return payload_wrong(faults, place, "expected at most %zu characters", schema->max_length);
        return payload_wrong(faults, place, "expected %zu to %zu characters", schema->min_length,
                             schema->max_length);
}

static bool string_check(const struct payload_schema *schema, const struct payload_place *place,
                         const json_t *value, struct faults *faults)
{
        struct slice text = json_text(value);
        int64_t time_ms;
        if (schema->format == SCHEMA_EMAIL && (!text.data || !address_valid(text.data, text.len)))
                return payload_wrong(faults, place, "%s",
                                     address_mistake(text, "expected an e-mail address"));
        if (!text.data)
                return payload_wrong(faults, place, "expected a string");
        if (schema->format == SCHEMA_DATE_TIME && !rfc3339_parse(text, &time_ms))
                return payload_wrong(faults, place, "expected a time as 2026-01-02T03:04:05Z");
        if (!length_check(schema, place, text, faults))
                return false;
        if (schema->one_line && !utf8_one_line(text.data, text.len))
                return payload_wrong(faults, place, "expected one line without control characters");
        return true;
}

/* ---- Lists and objects ---- */

static bool payload_list_check(const struct payload_schema *schema, const struct payload_place *place,
                               const json_t *value, struct faults *faults)
{
        if (!json_is_array(value))
                return payload_wrong(faults, place, "expected a list");
        size_t count = json_array_size(value);
        bool good = true;
        if (count >= schema->min_items && count <= schema->max_items) {
                for (size_t i = 0; schema->items && i < count; i++) {
                        struct payload_place item = {.outer = place, .index = i};
                        good &= value_check(schema->items, &item, json_array_get(value, i), faults);
                }
                return good;
        }
        if (schema->max_items == SIZE_MAX)
                return payload_wrong(faults, place, "expected at least %zu items", schema->min_items);
        if (schema->min_items == 0)
                return payload_wrong(faults, place, "expected at most %zu items", schema->max_items);
        return payload_wrong(faults, place, "expected %zu to %zu items", schema->min_items,
                             schema->max_items);
}

static const struct schema_property *payload_property_of(const struct payload_schema *schema,
                                                         const char *name)
{
        for (size_t i = 0; i < schema->property_count; i++)
                if (strcmp(schema->properties[i].name, name) == 0)
                        return &schema->properties[i];
        return NULL;
}

/* A name that the publisher chose is shown only if it can be no address and steers no terminal. */
static bool wrong_unknown(const struct payload_schema *schema, const struct payload_place *place,
                          const char *name, struct faults *faults)
{
        char shown[NAME_SHOWN_MAX + 4];
        bool plain = !strchr(name, '@') && utf8_one_line(name, strlen(name));
        bool cut = strlen(name) > NAME_SHOWN_MAX;
        snprintf(shown, sizeof(shown), "%.*s%s", (int)utf8_prefix(name, strlen(name), NAME_SHOWN_MAX),
                 plain ? name : "?", text_if(cut && plain, "..."));
        struct payload_place inner = {.outer = place, .name = shown};
        struct suggest suggest = {.word = name, .limit = suggest_limit(name)};
        for (size_t i = 0; i < schema->property_count; i++)
                suggest_offer(&suggest, schema->properties[i].name);
        if (!suggest.best)
                return payload_wrong(faults, &inner, "unknown field");
        return payload_wrong(faults, &inner, "unknown field; did you mean %s?", suggest.best);
}

static bool object_check(const struct payload_schema *schema, const struct payload_place *place,
                         const json_t *value, struct faults *faults)
{
        bool good = true;
        size_t known = 0;
        if (!json_is_object(value))
                return payload_wrong(faults, place, "expected an object");
        for (size_t i = 0; i < schema->property_count; i++) {
                const struct schema_property *property = &schema->properties[i];
                struct payload_place inner = {.outer = place, .name = property->name};
                const json_t *member = json_object_get(value, property->name);
                known += member != NULL;
                if (member)
                        good &= value_check(property->schema, &inner, member, faults);
                else if (property->required)
                        good = payload_wrong(faults, &inner, "required");
        }
        if (!schema->closed || known == json_object_size(value))
                return good;
        const char *name;
        json_t *member;
        json_object_foreach((json_t *)(uintptr_t)value, name, member)
        {
                if (!payload_property_of(schema, name))
                        good = wrong_unknown(schema, place, name, faults);
        }
        return good;
}

static bool wrong_choice(const struct payload_schema *schema, const struct payload_place *place,
                         struct faults *faults)
{
        struct buffer list = {0};
        size_t count = json_array_size(schema->choices);
        for (size_t i = 0; i < count; i++) {
                const json_t *choice = json_array_get(schema->choices, i);
                struct slice text = json_text(choice);
                buffer_add_text(&list, i ? ", " : "");
                if (text.data)
                        buffer_add_slice(&list, text);
                else
                        json_compact_sorted(&list, choice);
        }
        payload_wrong(faults, place, "expected %s%s", count > 1 ? "one of: " : "", list.data);
        buffer_fini(&list);
        return false;
}

/* Numbers are equal by their value, however they are written (JSON Schema 2020-12, section 4.2.2). */
static bool is_choice(const json_t *choice, const json_t *value)
{
        double one, other;
        if (json_is_integer(choice) && json_is_integer(value))
                return json_equal(choice, value);
        if (json_number(choice, &one) && json_number(value, &other))
                return one == other;
        return json_equal(choice, value);
}

static bool choice_check(const struct payload_schema *schema, const struct payload_place *place,
                         const json_t *value, struct faults *faults)
{
        for (size_t i = 0; i < json_array_size(schema->choices); i++)
                if (is_choice(json_array_get(schema->choices, i), value))
                        return true;
        return wrong_choice(schema, place, faults);
}

static bool payload_kind_check(const struct payload_schema *schema, const struct payload_place *place,
                               const json_t *value, struct faults *faults)
{
        switch (schema->kind) {
        case SCHEMA_ANY:
                return true;
        case SCHEMA_OBJECT:
                return object_check(schema, place, value, faults);
        case SCHEMA_LIST:
                return payload_list_check(schema, place, value, faults);
        case SCHEMA_STRING:
                return string_check(schema, place, value, faults);
        case SCHEMA_INTEGER:
                return integer_check(schema, place, value, faults);
        case SCHEMA_NUMBER:
                return number_check(schema, place, value, faults);
        case SCHEMA_BOOLEAN:
                return json_is_boolean(value) || payload_wrong(faults, place, "expected true or false");
        }
        abort();
}

static bool value_check(const struct payload_schema *schema, const struct payload_place *place,
                        const json_t *value, struct faults *faults)
{
        if (schema->nullable && json_is_null(value))
                return !schema->choices || choice_check(schema, place, value, faults);
        return payload_kind_check(schema, place, value, faults) &&
               (!schema->choices || choice_check(schema, place, value, faults));
}

bool payload_check(const struct payload_schema *schema, const json_t *payload, struct faults *faults)
{
        struct payload_place root = {0};
        if (json_is_object(payload))
                return value_check(schema, &root, payload, faults);
        struct slice text = json_text(payload);
        bool twice = text.len > 1 && (text.data[0] == '{' || text.data[0] == '[');
        return payload_wrong(faults, &root, "expected an object, found %s%s", json_kind(payload),
                             twice ? " that holds JSON: it was encoded twice" : "");
}
