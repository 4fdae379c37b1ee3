#include "core/types/data.h"

#include <stdlib.h>

static bool data_is_pointer(const struct document *node)
{
        return node->kind == DOCUMENT_MAP && node->count == 1 && strcmp(node->first->key, "$") == 0;
}

static bool parts_read(struct arena *arena, const struct document *node, bool in_each,
                       struct data_value *value, struct file_faults *faults)
{
        const struct data_value **end = &value->first;
        for (const struct document *each = node->first; each; each = each->next) {
                struct data_value *inner =
                        (struct data_value *)(uintptr_t)data_value_read(arena, each, in_each, false, faults);
                if (!inner)
                        return false;
                inner->key = each->key;
                *end = inner;
                end = &inner->next;
        }
        return true;
}

/* true, 42 and null are themselves; all else is a text. */
static bool is_constant(const struct document *node)
{
        if (node->quoted)
                return false;
        json_t *value = document_json(node);
        bool constant = !json_text(value).data;
        json_decref(value);
        return constant;
}

const struct data_value *data_value_read(struct arena *arena, const struct document *node, bool in_each,
                                         bool text_html, struct file_faults *faults)
{
        struct data_value *value = arena_alloc(arena, sizeof(*value));
        bool good = true;
        if (data_is_pointer(node)) {
                value->kind = DATA_POINTER;
                good = data_pointer_read(arena, node->first, in_each, &value->pointer, faults);
        } else if (node->kind != DOCUMENT_TEXT) {
                value->kind = node->kind == DOCUMENT_LIST ? DATA_LIST : DATA_MAP;
                good = parts_read(arena, node, in_each, value, faults);
        } else if (is_constant(node)) {
                value->kind = DATA_CONSTANT;
                value->constant = node;
        } else {
                value->kind = DATA_TEXT;
                good = data_text_read(arena, node, text_html, &value->text, faults);
        }
        return good ? value : NULL;
}

static json_t *parts_make(const struct data_value *value, const struct data_source *source)
{
        json_t *made = value->kind == DATA_LIST ? json_array() : json_object();
        for (const struct data_value *each = value->first; each; each = each->next) {
                bool absent = each->kind == DATA_POINTER && !data_pointer_value(&each->pointer, source);
                json_t *inner = absent ? NULL : data_value_make(each, source);
                if (!inner && !absent) {
                        json_decref(made);
                        return NULL;
                }
                if (inner && value->kind == DATA_LIST)
                        json_array_append_new(made, inner);
                else if (inner)
                        json_object_set_new(made, each->key, inner);
        }
        return made;
}

json_t *data_value_make(const struct data_value *value, const struct data_source *source)
{
        const json_t *found;
        const char *text;
        switch (value->kind) {
        case DATA_TEXT:
                text = data_text_make(&value->text, source, false);
                return text ? json_string(text) : NULL;
        case DATA_CONSTANT:
                return document_json(value->constant);
        case DATA_POINTER:
                found = data_pointer_value(&value->pointer, source);
                return found ? json_incref((json_t *)(uintptr_t)found) : json_null();
        case DATA_LIST:
        case DATA_MAP:
                return parts_make(value, source);
        }
        abort();
}

void data_value_references(const struct data_value *value, template_reference *tell, void *context)
{
        if (value->kind == DATA_TEXT)
                data_text_references(&value->text, tell, context);
        for (const struct data_value *each = value->first; each; each = each->next)
                data_value_references(each, tell, context);
}
