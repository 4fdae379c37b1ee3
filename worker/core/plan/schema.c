#include "core/plan/schema.h"
#include "core/address/address.h"
#include "core/codec/json.h"
#include "core/plan/plan.h"

#include <stdlib.h>

static json_t *object_schema(const struct field *fields, bool closed);

static void schema_set_text(json_t *schema, const char *key, const char *text)
{
        if (text)
                json_object_set_new(schema, key, json_string(text));
}

/* An optional field may be null, so its type is a pair. */
static void set_type(json_t *schema, const struct field *field, const char *type)
{
        if (field->optional)
                json_object_set_new(schema, "type", json_pack("[ss]", type, "null"));
        else
                schema_set_text(schema, "type", type);
}

static json_t *limit(const struct field *field, double value)
{
        return field->kind == FIELD_KIND_INT ? json_integer((json_int_t)value) : json_real(value);
}

static void set_range(json_t *schema, const struct field *field)
{
        if (!isinf(field->min))
                json_object_set_new(schema, "minimum", limit(field, field->min));
        if (!isinf(field->max))
                json_object_set_new(schema, "maximum", limit(field, field->max));
}

static void set_choices(json_t *schema, const struct field *field)
{
        json_t *choices = json_array();
        for (const char *const *choice = field->one_of; *choice; choice++)
                json_array_append_new(choices, json_string(*choice));
        if (field->optional)
                json_array_append_new(choices, json_null());
        json_object_set_new(schema, "enum", choices);
}

static void set_string(json_t *schema, const struct field *field)
{
        set_type(schema, field, "string");
        if (field->one_of) {
                set_choices(schema, field);
                return;
        }
        if (field->min_length)
                json_object_set_new(schema, "minLength", json_integer((json_int_t)field->min_length));
        json_object_set_new(schema, "maxLength", json_integer((json_int_t)field->max_length));
        if (field->one_line)
                schema_set_text(schema, "pattern", "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$");
}

static void set_email(json_t *schema, const struct field *field)
{
        set_type(schema, field, "string");
        schema_set_text(schema, "format", "email");
        json_object_set_new(schema, "maxLength", json_integer(ADDRESS_MAX));
}

static void set_list(json_t *schema, const struct field *field, bool closed)
{
        set_type(schema, field, "array");
        json_object_set_new(schema, "items", object_schema(field->fields, closed));
        if (field->min_items)
                json_object_set_new(schema, "minItems", json_integer((json_int_t)field->min_items));
        json_object_set_new(schema, "maxItems", json_integer((json_int_t)field->max_items));
}

static json_t *mailbox_schema(void)
{
        return json_pack("{s:[{s:s,s:i},{s:s,s:{s:{s:s,s:s},s:{s:[ss]}},s:[s],s:b}]}", "anyOf", "type",
                         "string", "minLength", 3, "type", "object", "properties", "email", "type", "string",
                         "format", "email", "name", "type", "string", "null", "required", "email",
                         "additionalProperties", 0);
}

/* The same as null, or as a list, where that is allowed. */
static void set_mailboxes(json_t *schema, const struct field *field)
{
        json_t *one = mailbox_schema(), *choices = json_incref(json_object_get(one, "anyOf"));
        if (field->kind == FIELD_KIND_MAILBOXES)
                json_array_append_new(choices, json_pack("{s:s,s:o,s:i,s:i}", "type", "array", "items",
                                                         mailbox_schema(), "minItems", (int)field->min_items,
                                                         "maxItems", (int)field->max_items));
        if (field->kind == FIELD_KIND_MAILBOXES && field->min_items == 0) /* nobody */
                json_array_append_new(choices, json_pack("{s:s}", "const", ""));
        if (field->optional)
                json_array_append_new(choices, json_pack("{s:s}", "type", "null"));
        json_object_set_new(schema, "anyOf", choices);
        json_decref(one);
}

static json_t *text_schema(const struct field *field)
{
        json_t *schema = json_object();
        struct field item = {.kind = FIELD_KIND_STRING,
                             .min_length = field->min_length,
                             .max_length = field->max_length,
                             .one_line = field->one_line};
        set_string(schema, &item);
        return schema;
}

static void set_strings(json_t *schema, const struct field *field)
{
        set_type(schema, field, "array");
        json_object_set_new(schema, "items", text_schema(field));
        json_object_set_new(schema, "maxItems", json_integer((json_int_t)field->max_items));
}

static void set_pairs(json_t *schema, const struct field *field)
{
        set_type(schema, field, "object");
        json_object_set_new(schema, "additionalProperties", text_schema(field));
        json_object_set_new(schema, "maxProperties", json_integer((json_int_t)field->max_items));
}

static void set_base64(json_t *schema, const struct field *field)
{
        set_type(schema, field, "string");
        schema_set_text(schema, "contentEncoding", "base64");
}

static json_t *field_schema(const struct field *field, bool closed)
{
        json_t *schema =
                field->kind == FIELD_KIND_OBJECT ? object_schema(field->fields, closed) : json_object();
        switch (field->kind) {
        case FIELD_KIND_INT:
                set_type(schema, field, "integer");
                set_range(schema, field);
                break;
        case FIELD_KIND_NUMBER:
                set_type(schema, field, "number");
                set_range(schema, field);
                break;
        case FIELD_KIND_BOOL:
                set_type(schema, field, "boolean");
                break;
        case FIELD_KIND_STRING:
                set_string(schema, field);
                break;
        case FIELD_KIND_EMAIL:
                set_email(schema, field);
                break;
        case FIELD_KIND_OBJECT:
                set_type(schema, field, "object");
                break;
        case FIELD_KIND_LIST:
                set_list(schema, field, closed);
                break;
        case FIELD_KIND_MAILBOX:
        case FIELD_KIND_MAILBOXES:
                set_mailboxes(schema, field);
                break;
        case FIELD_KIND_STRINGS:
                set_strings(schema, field);
                break;
        case FIELD_KIND_PAIRS:
                set_pairs(schema, field);
                break;
        case FIELD_KIND_BASE64:
                set_base64(schema, field);
                break;
        case FIELD_KIND_END:
                abort();
        }
        schema_set_text(schema, "description", field->description);
        return schema;
}

static json_t *object_schema(const struct field *fields, bool closed)
{
        json_t *schema = json_object(), *properties = json_object(), *required = json_array();
        for (const struct field *field = fields; field->kind != FIELD_KIND_END; field++) {
                json_object_set_new(properties, field->name, field_schema(field, closed));
                if (!field->optional)
                        json_array_append_new(required, json_string(field->name));
        }
        schema_set_text(schema, "type", "object");
        json_object_set_new(schema, "properties", properties);
        json_object_set_new(schema, "required", required);
        if (closed)
                json_object_set_new(schema, "additionalProperties", json_false());
        return schema;
}

void schema_render(struct buffer *out, const struct handler *handler, bool pretty)
{
        json_t *schema = json_object();
        json_t *payload = handler->kind ? handler->kind->schema(handler)
                                        : object_schema(handler->fields, handler->closed);
        schema_set_text(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema_set_text(schema, "title", handler->type);
        schema_set_text(schema, "description", handler->summary);
        json_object_update_missing(schema, payload);
        json_decref(payload);
        json_write(out, schema, pretty ? JSON_INDENT(2) : JSON_COMPACT);
        if (pretty)
                buffer_add_char(out, '\n');
        json_decref(schema);
}
