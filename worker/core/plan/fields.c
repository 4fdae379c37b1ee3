#include "core/plan/fields.h"
#include "core/address/address.h"
#include "core/codec/json_pointer.h"
#include "core/plan/fields_decode.h"
#include "core/text/suggest.h"
#include "core/text/utf8.h"

#include <stdio.h>
#include <stdlib.h>

static bool decode_members(struct decoder *decoder, const struct place *place, const struct field *fields,
                           const json_t *object, char *to);

/* ---- Errors ---- */

static void add_pointer(struct buffer *text, const struct place *place)
{
        if (!place->outer)
                return;
        add_pointer(text, place->outer);
        buffer_add_char(text, '/');
        if (!place->name)
                buffer_printf(text, "%zu", place->index);
        else
                json_pointer_escape(text, place->name);
}

bool field_refuse(struct decoder *decoder, const struct place *place, const char *format, ...)
{
        struct buffer text = {0};
        if (place->outer)
                add_pointer(&text, place);
        else
                buffer_add_text(&text, "payload");
        buffer_add_text(&text, ": ");
        va_list args;
        va_start(args, format);
        buffer_vprintf(&text, format, args);
        va_end(args);
        faults_add(decoder->faults, "%s", text.data);
        buffer_fini(&text);
        return false;
}

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

static void store_text(struct decoder *decoder, struct slice text, char *to)
{
        const char *copy = arena_copy(decoder->arena, text.data, text.len);
        memcpy(to, &copy, sizeof(copy));
}

/* Code points of valid UTF-8: bytes that do not continue one. */
static size_t field_characters(struct slice text)
{
        size_t count = 0;
        for (size_t i = 0; i < text.len; i++)
                count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
        return count;
}

static bool length_fits(struct slice text, const struct field *field)
{
        if (text.len < field->min_length)
                return false;
        if (text.len <= field->max_length && field->min_length == 0)
                return true;
        size_t count = field_characters(text);
        return count >= field->min_length && count <= field->max_length;
}

static bool refuse_length(struct decoder *decoder, const struct place *place, const struct field *field)
{
        if (field->min_length == 0)
                return field_refuse(decoder, place, "expected at most %zu characters", field->max_length);
        return field_refuse(decoder, place, "expected %zu to %zu characters", field->min_length,
                            field->max_length);
}

static bool is_one_of(struct slice text, const char *const *choices)
{
        for (; *choices; choices++)
                if (slice_is(text, *choices))
                        return true;
        return false;
}

static bool refuse_choice(struct decoder *decoder, const struct place *place, const char *const *choices)
{
        struct buffer list = {0};
        for (; *choices; choices++)
                buffer_printf(&list, "%s%s", list.len ? ", " : "", *choices);
        field_refuse(decoder, place, "expected one of: %s", list.len ? list.data : "");
        buffer_fini(&list);
        return false;
}

bool field_string(struct decoder *decoder, const struct place *place, const struct field *field,
                  const json_t *value, char *to)
{
        struct slice text = json_text(value);
        if (!text.data)
                return field_refuse(decoder, place, "expected a string");
        if (field->one_of && !is_one_of(text, field->one_of))
                return refuse_choice(decoder, place, field->one_of);
        if (!length_fits(text, field))
                return refuse_length(decoder, place, field);
        if (field->one_line && !utf8_one_line(text.data, text.len))
                return field_refuse(decoder, place, "expected one line without control characters");
        if (memchr(text.data, '\0', text.len))
                return field_refuse(decoder, place, "expected a string without U+0000");
        store_text(decoder, text, to);
        return true;
}

static bool decode_email(struct decoder *decoder, const struct place *place, const json_t *value, char *to)
{
        struct slice text = json_text(value);
        if (!text.data || !address_valid(text.data, text.len))
                return field_refuse(decoder, place, "%s",
                                    address_mistake(text, "expected an e-mail address"));
        store_text(decoder, text, to);
        return true;
}

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
                return decode_email(decoder, place, value, to);
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

enum { NAME_SHOWN_MAX = 64 };

const char *field_name_shown(struct arena *arena, const char *name)
{
        if (strchr(name, '@') || !utf8_one_line(name, strlen(name)))
                return "?";
        bool cut = strlen(name) > NAME_SHOWN_MAX;
        return cut ? arena_printf(arena, "%.*s...", (int)utf8_prefix(name, strlen(name), NAME_SHOWN_MAX),
                                  name)
                   : arena_strdup(arena, name);
}

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
