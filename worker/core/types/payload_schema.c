#include "core/types/schema_node.h"

#include <math.h>
#include <stdlib.h>

struct schema_reader {
        struct arena *arena;
        struct file_faults *faults;
};

static const char *const annotations[] = {"$schema",     "$id",      "$comment", "title",
                                          "description", "examples", NULL};

/* Which kind a keyword belongs to; SCHEMA_ANY: to all. */
static const struct {
        const char *name;
        enum schema_kind kind;
} keywords[] = {
        {"type", SCHEMA_ANY},          {"enum", SCHEMA_ANY},         {"const", SCHEMA_ANY},
        {"properties", SCHEMA_OBJECT}, {"required", SCHEMA_OBJECT},  {"additionalProperties", SCHEMA_OBJECT},
        {"items", SCHEMA_LIST},        {"minItems", SCHEMA_LIST},    {"maxItems", SCHEMA_LIST},
        {"minLength", SCHEMA_STRING},  {"maxLength", SCHEMA_STRING}, {"pattern", SCHEMA_STRING},
        {"format", SCHEMA_STRING},     {"minimum", SCHEMA_NUMBER},   {"maximum", SCHEMA_NUMBER},
};

static const struct {
        const char *name;
        enum schema_kind kind;
} schema_types[] = {
        {"object", SCHEMA_OBJECT},   {"array", SCHEMA_LIST},    {"string", SCHEMA_STRING},
        {"integer", SCHEMA_INTEGER}, {"number", SCHEMA_NUMBER}, {"boolean", SCHEMA_BOOLEAN},
};

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const struct payload_schema *schema_read(struct schema_reader *reader, const struct document *node);

/* ---- Keywords ---- */

static bool keyword_fits(enum schema_kind keyword, enum schema_kind kind)
{
        return keyword == SCHEMA_ANY || keyword == kind ||
               (keyword == SCHEMA_NUMBER && kind == SCHEMA_INTEGER);
}

static void keyword_check(struct schema_reader *reader, const struct document *entry, enum schema_kind kind)
{
        for (size_t i = 0; annotations[i]; i++)
                if (strcmp(entry->key, annotations[i]) == 0)
                        return;
        for (size_t i = 0; i < COUNT_OF(keywords); i++) {
                if (strcmp(entry->key, keywords[i].name) != 0)
                        continue;
                if (!keyword_fits(keywords[i].kind, kind))
                        file_faults_add(reader->faults, document_key_place(entry),
                                        "%s says nothing of this type", entry->key);
                return;
        }
        file_faults_add(reader->faults, document_key_place(entry),
                        "%.60s is no keyword that leveret checks; docs/types.md lists those", entry->key);
}

static bool type_named(struct schema_reader *reader, const struct document *node, enum schema_kind *kind)
{
        const char *name = document_text(node, "the name of a type", reader->faults);
        for (size_t i = 0; name && i < COUNT_OF(schema_types); i++) {
                if (strcmp(name, schema_types[i].name) != 0)
                        continue;
                *kind = schema_types[i].kind;
                return true;
        }
        return name && file_faults_add(reader->faults, document_place(node),
                                       "expected object, array, string, integer, number or boolean");
}

/* `type: string`, or `type: [string, "null"]` of what may be null. */
static void schema_type_read(struct schema_reader *reader, const struct document *node,
                             struct payload_schema *schema)
{
        if (!node)
                return;
        if (node->kind != DOCUMENT_LIST) {
                type_named(reader, node, &schema->kind);
                return;
        }
        const struct document *named = NULL;
        for (const struct document *each = node->first; each; each = each->next) {
                bool null = each->kind == DOCUMENT_TEXT && strcmp(each->text, "null") == 0;
                schema->nullable = schema->nullable || null;
                named = null ? named : each;
        }
        if (node->count != 2 || !schema->nullable || !named)
                file_faults_add(reader->faults, document_place(node),
                                "expected one type, or a type and \"null\"");
        else
                type_named(reader, named, &schema->kind);
}

static void count_read(struct schema_reader *reader, const struct document *node, size_t *count)
{
        if (!node)
                return;
        json_t *value = document_json(node);
        if (json_is_integer(value) && json_integer_value(value) >= 0)
                *count = (size_t)json_integer_value(value);
        else
                file_faults_add(reader->faults, document_place(node), "expected a whole number, 0 or more");
        json_decref(value);
}

static void limit_read(struct schema_reader *reader, const struct document *node, double *limit)
{
        if (!node)
                return;
        json_t *value = document_json(node);
        if (!json_number(value, limit))
                file_faults_add(reader->faults, document_place(node), "expected a number");
        json_decref(value);
}

static bool boolean_read(struct schema_reader *reader, const struct document *node, bool otherwise)
{
        if (!node)
                return otherwise;
        bool yes = node->kind == DOCUMENT_TEXT && strcmp(node->text, "true") == 0;
        if (!yes && (node->kind != DOCUMENT_TEXT || strcmp(node->text, "false") != 0))
                file_faults_add(reader->faults, document_place(node), "expected true or false");
        return yes;
}

static void choices_read(struct schema_reader *reader, const struct document *node,
                         struct payload_schema *schema)
{
        const struct document *list = document_get(node, "enum"), *one = document_get(node, "const");
        if (list && one)
                file_faults_add(reader->faults, document_key_place(one), "enum and const exclude each other");
        if (list && (list->kind != DOCUMENT_LIST || list->count == 0))
                file_faults_add(reader->faults, document_place(list), "expected a list of values");
        else if (list)
                schema->choices = document_json(list);
        else if (one)
                schema->choices = json_pack("[o]", document_json(one));
}

/* ---- Kinds ---- */

static void string_read(struct schema_reader *reader, const struct document *node,
                        struct payload_schema *schema)
{
        const struct document *format = document_get(node, "format"),
                              *pattern = document_get(node, "pattern");
        const char *name = format ? document_text(format, "the name of a format", reader->faults) : NULL;
        if (name && strcmp(name, "email") == 0)
                schema->format = SCHEMA_EMAIL;
        else if (name && strcmp(name, "date-time") == 0)
                schema->format = SCHEMA_DATE_TIME;
        else if (name)
                file_faults_add(reader->faults, document_place(format), "expected email or date-time");
        if (pattern)
                schema->one_line =
                        pattern->kind == DOCUMENT_TEXT && strcmp(pattern->text, SCHEMA_ONE_LINE) == 0;
        if (pattern && !schema->one_line)
                file_faults_add(reader->faults, document_place(pattern),
                                "the one pattern that is known is '%s'", SCHEMA_ONE_LINE);
        count_read(reader, document_get(node, "minLength"), &schema->min_length);
        count_read(reader, document_get(node, "maxLength"), &schema->max_length);
        if (schema->min_length > schema->max_length)
                file_faults_add(reader->faults, document_place(node), "minLength is over maxLength");
}

static void schema_list_read(struct schema_reader *reader, const struct document *node,
                             struct payload_schema *schema)
{
        const struct document *items = document_get(node, "items");
        if (items)
                schema->items = schema_read(reader, items);
        count_read(reader, document_get(node, "minItems"), &schema->min_items);
        count_read(reader, document_get(node, "maxItems"), &schema->max_items);
        if (schema->min_items > schema->max_items)
                file_faults_add(reader->faults, document_place(node), "minItems is over maxItems");
}

static struct schema_property *property_find(struct payload_schema *schema, const char *name)
{
        for (size_t i = 0; i < schema->property_count; i++)
                if (strcmp(schema->properties[i].name, name) == 0)
                        return &schema->properties[i];
        return NULL;
}

static void required_read(struct schema_reader *reader, const struct document *list,
                          struct payload_schema *schema)
{
        if (!list)
                return;
        if (list->kind != DOCUMENT_LIST) {
                file_faults_add(reader->faults, document_place(list), "expected a list of names");
                return;
        }
        for (const struct document *each = list->first; each; each = each->next) {
                const char *name = document_text(each, "a name", reader->faults);
                struct schema_property *property = name ? property_find(schema, name) : NULL;
                if (property)
                        property->required = true;
                else if (name)
                        file_faults_add(reader->faults, document_place(each),
                                        "%.60s is not among the properties", name);
        }
}

static void object_read(struct schema_reader *reader, const struct document *node,
                        struct payload_schema *schema)
{
        const struct document *properties = document_get(node, "properties");
        schema->closed = !boolean_read(reader, document_get(node, "additionalProperties"), true);
        if (properties && properties->kind != DOCUMENT_MAP)
                file_faults_add(reader->faults, document_place(properties),
                                "expected the properties by name");
        if (properties && properties->kind == DOCUMENT_MAP) {
                schema->properties =
                        arena_alloc(reader->arena, properties->count * sizeof(*schema->properties));
                for (const struct document *each = properties->first; each; each = each->next)
                        schema->properties[schema->property_count++] = (struct schema_property){
                                .name = each->key, .schema = schema_read(reader, each)};
        }
        required_read(reader, document_get(node, "required"), schema);
}

static const struct payload_schema *schema_read(struct schema_reader *reader, const struct document *node)
{
        struct payload_schema *schema = arena_alloc(reader->arena, sizeof(*schema));
        *schema = (struct payload_schema){.source = node,
                                          .max_items = SIZE_MAX,
                                          .max_length = SIZE_MAX,
                                          .min = -INFINITY,
                                          .max = INFINITY};
        if (node->kind != DOCUMENT_MAP) {
                file_faults_add(reader->faults, document_place(node), "expected a schema, as {type: string}");
                return schema;
        }
        schema_type_read(reader, document_get(node, "type"), schema);
        for (const struct document *each = node->first; each; each = each->next)
                keyword_check(reader, each, schema->kind);
        choices_read(reader, node, schema);
        const struct document *description = document_get(node, "description");
        if (description)
                schema->description = document_text(description, "a text", reader->faults);
        if (schema->kind == SCHEMA_OBJECT)
                object_read(reader, node, schema);
        if (schema->kind == SCHEMA_LIST)
                schema_list_read(reader, node, schema);
        if (schema->kind == SCHEMA_STRING)
                string_read(reader, node, schema);
        limit_read(reader, document_get(node, "minimum"), &schema->min);
        limit_read(reader, document_get(node, "maximum"), &schema->max);
        if (schema->min > schema->max)
                file_faults_add(reader->faults, document_place(node), "minimum is over maximum");
        return schema;
}

/* Values that jansson made are given back with the set; see payload_schema_release. */
const struct payload_schema *payload_schema_compile(struct arena *arena, const struct document *node,
                                                    struct file_faults *faults)
{
        struct schema_reader reader = {.arena = arena, .faults = faults};
        size_t before = faults->count;
        const struct payload_schema *schema = schema_read(&reader, node);
        if (faults->count == before && schema->kind != SCHEMA_OBJECT)
                file_faults_add(faults, document_place(node),
                                "a payload is an object: expected type: object");
        if (faults->count == before)
                return schema;
        payload_schema_release(schema);
        return NULL;
}

void payload_schema_release(const struct payload_schema *schema)
{
        if (!schema)
                return;
        json_decref((json_t *)(uintptr_t)schema->choices);
        payload_schema_release(schema->items);
        for (size_t i = 0; i < schema->property_count; i++)
                payload_schema_release(schema->properties[i].schema);
}

json_t *payload_schema_json(const struct payload_schema *schema)
{
        return document_json(schema->source);
}
