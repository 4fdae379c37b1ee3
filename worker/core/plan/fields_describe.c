#include "core/plan/fields.h"
#include "core/text/word.h"

#include <stdlib.h>

/* Where the lines go and how they are aligned. */
struct describer {
        struct buffer *out;
        size_t width; /* of the widest pointer in the whole table */
};

/* What stands between the pointer of a list and those of its items' fields. */
static const char *item_of(const struct field *field)
{
        return field->kind == FIELD_KIND_LIST ? "/*" : "";
}

static size_t fields_widest(const struct field *fields, size_t before)
{
        size_t width = 0;
        for (const struct field *field = fields; field->kind != FIELD_KIND_END; field++) {
                size_t own = before + 1 + strlen(field->name);
                size_t inner = field->fields ? fields_widest(field->fields, own + strlen(item_of(field))) : 0;
                width = own > width ? own : width;
                width = inner > width ? inner : width;
        }
        return width;
}

static void fields_add_range(struct buffer *out, const struct field *field)
{
        if (!isinf(field->min) && !isinf(field->max))
                buffer_printf(out, ", %.15g to %.15g", field->min, field->max);
        else if (!isinf(field->min))
                buffer_printf(out, ", at least %.15g", field->min);
        else if (!isinf(field->max))
                buffer_printf(out, ", at most %.15g", field->max);
}

static void fields_add_string(struct buffer *out, const struct field *field)
{
        if (field->one_of) {
                buffer_add_text(out, "one of");
                for (const char *const *choice = field->one_of; *choice; choice++)
                        buffer_printf(out, " %s", *choice);
                return;
        }
        buffer_add_text(out, field->one_line ? "string of one line" : "string");
        if (field->min_length)
                buffer_printf(out, ", %zu to %zu characters", field->min_length, field->max_length);
        else
                buffer_printf(out, ", at most %zu characters", field->max_length);
}

static void fields_add_kind(struct buffer *out, const struct field *field)
{
        switch (field->kind) {
        case FIELD_KIND_INT:
        case FIELD_KIND_NUMBER:
                buffer_add_text(out, field->kind == FIELD_KIND_INT ? "integer" : "number");
                fields_add_range(out, field);
                return;
        case FIELD_KIND_BOOL:
                buffer_add_text(out, "true or false");
                return;
        case FIELD_KIND_STRING:
                fields_add_string(out, field);
                return;
        case FIELD_KIND_EMAIL:
                buffer_add_text(out, "e-mail address");
                return;
        case FIELD_KIND_OBJECT:
                buffer_add_text(out, "object");
                return;
        case FIELD_KIND_LIST:
                if (field->min_items)
                        buffer_printf(out, "list, %zu to %zu objects", field->min_items, field->max_items);
                else
                        buffer_printf(out, "list, at most %zu objects", field->max_items);
                return;
        case FIELD_KIND_MAILBOX:
                buffer_add_text(out, "mailbox: an address, a name and <address>, or {email, name}");
                return;
        case FIELD_KIND_MAILBOXES:
                if (field->min_items)
                        buffer_printf(out, "mailbox, or a list of %zu to %zu", field->min_items,
                                      field->max_items);
                else
                        buffer_printf(out, "mailbox, or a list of at most %zu", field->max_items);
                return;
        case FIELD_KIND_STRINGS:
                buffer_printf(out, "list, at most %zu strings of one line", field->max_items);
                return;
        case FIELD_KIND_PAIRS:
                buffer_printf(out, "object, at most %zu strings of one line", field->max_items);
                return;
        case FIELD_KIND_BASE64:
                buffer_add_text(out, "base64");
                return;
        case FIELD_KIND_END:
                break;
        }
        abort();
}

static void describe(const struct describer *describer, const struct field *fields, const char *before)
{
        struct buffer *out = describer->out;
        for (const struct field *field = fields; field->kind != FIELD_KIND_END; field++) {
                struct buffer pointer = {0};
                buffer_printf(&pointer, "%s/%s", before, field->name);
                buffer_printf(out, "%-*s  ", (int)describer->width, pointer.data);
                fields_add_kind(out, field);
                buffer_printf(out, "%s%s%s\n", text_if(field->optional, ", optional"),
                              text_if(field->description, ": "), text_or(field->description, ""));
                if (field->fields) {
                        buffer_add_text(&pointer, item_of(field));
                        describe(describer, field->fields, pointer.data);
                }
                buffer_fini(&pointer);
        }
}

void fields_describe(struct buffer *out, const struct field *fields)
{
        struct describer describer = {.out = out, .width = fields_widest(fields, 0)};
        describe(&describer, fields, "");
}
