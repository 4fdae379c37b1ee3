#include "core/plan/fields.h"
#include "core/plan/fields_decode.h"
#include "core/text/suggest.h"

#include <stdio.h>
#include <stdlib.h>

static bool decode_members(struct decoder *decoder, const struct place *place, const struct field *fields,
                           const json_t *object, char *to);

/* ---- Errors ---- */

/* ---- Numbers ---- */

/* 15 digits give a limit back as the table has it (DBL_DIG); integers up to 2^53 are written whole. */
static void write_limit(char text[32], double limit)
{
        bool whole = limit == floor(limit) && fabs(limit) < 1e16;
        snprintf(text, 32, whole ? "%.0f" : "%.15g", limit);
}

static bool refuse_range(struct decoder *decoder, const struct place *place, const struct field *field,
                         const char *what)
{
        char min[32], max[32];
        write_limit(min, field->min);
        write_limit(max, field->max);
        if (isinf(field->max))
                return field_refuse(decoder, place, "expected %s of at least %s", what, min);
        if (isinf(field->min))
                return field_refuse(decoder, place, "expected %s of at most %s", what, max);
        return field_refuse(decoder, place, "expected %s from %s to %s", what, min, max);
}

static bool refuse_wide(struct decoder *decoder, const struct place *place, const struct field *field,
                        const char *what)
{
        if (!isinf(field->min) || !isinf(field->max))
                return refuse_range(decoder, place, field, what);
        return field_refuse(decoder, place, "expected %s of 64 bits, found a greater one", what);
}

static bool decode_int(struct decoder *decoder, const struct place *place, const struct field *field,
                       const json_t *value, char *to)
{
        int64_t integer;
        struct slice wide = json_wide(value);
        bool whole = json_whole(value, &integer);
        if (!whole && wide.len && strspn(wide.data, "-0123456789") == wide.len)
                return refuse_wide(decoder, place, field, "an integer");
        if (!whole)
                return field_refuse(decoder, place, "expected an integer");
        if ((double)integer < field->min || (double)integer > field->max)
                return refuse_range(decoder, place, field, "an integer");
        memcpy(to, &integer, sizeof(integer));
        return true;
}

static bool decode_number(struct decoder *decoder, const struct place *place, const struct field *field,
                          const json_t *value, char *to)
{
        double number;
        if (!json_number(value, &number))
                return field_refuse(decoder, place, "expected a number");
        if (isinf(number))
                return refuse_wide(decoder, place, field, "a number");
        if (number < field->min || number > field->max)
                return refuse_range(decoder, place, field, "a number");
        memcpy(to, &number, sizeof(number));
        return true;
}

static bool decode_bool(struct decoder *decoder, const struct place *place, const json_t *value, char *to)
{
        if (!json_is_boolean(value))
                return field_refuse(decoder, place, "expected true or false");
        bool boolean = json_is_true(value);
        memcpy(to, &boolean, sizeof(boolean));
        return true;
}

/* ---- Text ---- */

/* ---- Objects and lists ---- */

static bool decode_object(struct decoder *decoder, const struct place *place, const struct field *field,
                          const json_t *value, char *to)
{
        if (!json_is_object(value))
                return field_refuse(decoder, place, "expected an object");
        char *nested = arena_alloc(decoder->arena, field->size);
        memcpy(to, &nested, sizeof(nested));
        return decode_members(decoder, place, field->fields, value, nested);
}

static bool refuse_count(struct decoder *decoder, const struct place *place, const struct field *field)
{
        if (field->min_items == 0)
                return field_refuse(decoder, place, "expected at most %zu items", field->max_items);
        return field_refuse(decoder, place, "expected %zu to %zu items", field->min_items, field->max_items);
}

static bool decode_list(struct decoder *decoder, const struct place *place, const struct field *field,
                        const json_t *value, char *to)
{
        if (!json_is_array(value))
                return field_refuse(decoder, place, "expected a list");
        size_t count = json_array_size(value);
        if (count < field->min_items || count > field->max_items)
                return refuse_count(decoder, place, field);
        char *items = arena_alloc(decoder->arena, (count + 1) * field->size);
        bool good = true;
        for (size_t i = 0; i < count; i++) {
                struct place item = {.outer = place, .index = i};
                const json_t *object = json_array_get(value, i);
                if (!json_is_object(object))
                        good = field_refuse(decoder, &item, "expected an object");
                else if (!decode_members(decoder, &item, field->fields, object, items + i * field->size))
                        good = false;
        }
        memcpy(to, &items, sizeof(items));
        memcpy(to - field->offset + field->count_offset, &count, sizeof(count));
        return good;
}

static bool decode_value(struct decoder *decoder, const struct place *place, const struct field *field,
                         const json_t *value, char *to)
{
        switch (field->kind) {
        case FIELD_KIND_INT:
                return decode_int(decoder, place, field, value, to);
        case FIELD_KIND_NUMBER:
                return decode_number(decoder, place, field, value, to);
        case FIELD_KIND_BOOL:
                return decode_bool(decoder, place, value, to);
        case FIELD_KIND_STRING:
                return field_string(decoder, place, field, value, to);
        case FIELD_KIND_EMAIL:
                return field_email(decoder, place, value, to);
        case FIELD_KIND_OBJECT:
                return decode_object(decoder, place, field, value, to);
        case FIELD_KIND_LIST:
                return decode_list(decoder, place, field, value, to);
        case FIELD_KIND_MAILBOX:
        case FIELD_KIND_MAILBOXES:
                return field_mailboxes(decoder, place, field, value, to);
        case FIELD_KIND_STRINGS:
                return field_strings(decoder, place, field, value, to);
        case FIELD_KIND_PAIRS:
                return field_pairs(decoder, place, field, value, to);
        case FIELD_KIND_BASE64:
                return field_base64(decoder, place, field, value, to);
        case FIELD_KIND_END:
                break;
        }
        abort();
}

/* ---- Members ---- */

static bool refuse_unknown(struct decoder *decoder, const struct place *place, const struct field *fields,
                           const char *name)
{
        struct place inner = {.outer = place, .name = field_name_shown(decoder->arena, name)};
        struct suggest suggest = {.word = name, .limit = suggest_limit(name)};
        for (const struct field *field = fields; field->kind != FIELD_KIND_END; field++) {
                if (strcmp(field->name, name) == 0)
                        return true;
                suggest_offer(&suggest, field->name);
        }
        if (!suggest.best)
                return field_refuse(decoder, &inner, "unknown field");
        return field_refuse(decoder, &inner, "unknown field; did you mean %s?", suggest.best);
}

static bool decode_members(struct decoder *decoder, const struct place *place, const struct field *fields,
                           const json_t *object, char *to)
{
        bool good = true;
        size_t known = 0;
        for (const struct field *field = fields; field->kind != FIELD_KIND_END; field++) {
                struct place inner = {.outer = place, .name = field->name};
                const json_t *value = json_object_get(object, field->name);
                bool present = value && !(field->optional && json_is_null(value));
                known += value != NULL;
                if (!present && !field->optional)
                        good = field_refuse(decoder, &inner, "required");
                if (present && !decode_value(decoder, &inner, field, value, to + field->offset))
                        good = false;
                if (field->flag)
                        memcpy(to + field->flag - 1, &present, sizeof(present));
                bool null = value && json_is_null(value);
                if (field->null_flag)
                        memcpy(to + field->null_flag - 1, &null, sizeof(null));
        }
        if (!decoder->closed || known == json_object_size(object))
                return good;
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)object, name, value) good &=
                refuse_unknown(decoder, place, fields, name);
        return good;
}

/* A text that was put into JSON twice is the usual one. */
static bool is_json_in_a_string(const json_t *payload)
{
        struct slice text = json_text(payload);
        return text.len > 1 && (text.data[0] == '{' || text.data[0] == '[');
}

const void *fields_decode(const struct payload_table *table, const json_t *payload, struct faults *faults)
{
        struct decoder decoder = {.arena = faults->arena, .faults = faults, .closed = table->closed};
        struct place root = {0};
        if (!json_is_object(payload)) {
                field_refuse(&decoder, &root, "expected an object, found %s%s", json_kind(payload),
                             is_json_in_a_string(payload) ? " that holds JSON: it was encoded twice" : "");
                return NULL;
        }
        char *decoded = arena_alloc(decoder.arena, table->size);
        return decode_members(&decoder, &root, table->fields, payload, decoded) ? decoded : NULL;
}
