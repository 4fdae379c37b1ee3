#include "io/config/config_json.h"
#include "core/codec/json.h"
#include "core/text/buffer.h"

#include <string.h>

struct json_writing {
        yaml_document_t *document;
        struct buffer out;
        bool failed;
};

bool config_json_tag_known(const yaml_node_t *node)
{
        static const char *const known[] = {YAML_STR_TAG, YAML_SEQ_TAG,  YAML_MAP_TAG,
                                            YAML_INT_TAG, YAML_BOOL_TAG, YAML_FLOAT_TAG};
        const char *tag = (const char *)node->tag;
        for (size_t i = 0; tag && i < sizeof known / sizeof *known; i++)
                if (strcmp(tag, known[i]) == 0)
                        return true;
        return !tag;
}

bool config_json_merges(const yaml_node_t *key)
{
        return key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
               strcmp((const char *)key->data.scalar.value, "<<") == 0;
}

static void add_node(struct json_writing *writing, const yaml_node_t *node, size_t depth);

static void add_scalar(struct json_writing *writing, const yaml_node_t *node)
{
        struct slice text = {(const char *)node->data.scalar.value, node->data.scalar.length};
        bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        bool empty = plain && (text.len == 0 || slice_is(text, "~"));
        bool word = plain && (slice_is(text, "true") || slice_is(text, "false") || slice_is(text, "null"));
        if (empty)
                buffer_add_text(&writing->out, "null");
        else if (word || (plain && json_number_is(text)))
                buffer_add_slice(&writing->out, text);
        else
                buffer_add_json_string(&writing->out, text);
}

static void add_items(struct json_writing *writing, const yaml_node_t *node, size_t depth)
{
        const char *comma = "";
        buffer_add_char(&writing->out, '[');
        for (const yaml_node_item_t *item = node->data.sequence.items.start;
             item < node->data.sequence.items.top && !writing->failed; item++, comma = ",") {
                buffer_add_text(&writing->out, comma);
                add_node(writing, yaml_document_get_node(writing->document, *item), depth + 1);
        }
        buffer_add_char(&writing->out, ']');
}

static void config_add_members(struct json_writing *writing, const yaml_node_t *node, size_t depth)
{
        const char *comma = "";
        buffer_add_char(&writing->out, '{');
        for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top && !writing->failed; pair++, comma = ",") {
                const yaml_node_t *key = yaml_document_get_node(writing->document, pair->key);
                writing->failed |= key->type != YAML_SCALAR_NODE || config_json_merges(key);
                if (writing->failed)
                        return;
                buffer_add_text(&writing->out, comma);
                buffer_add_json_string(&writing->out, (struct slice){(const char *)key->data.scalar.value,
                                                                     key->data.scalar.length});
                buffer_add_char(&writing->out, ':');
                add_node(writing, yaml_document_get_node(writing->document, pair->value), depth + 1);
        }
        buffer_add_char(&writing->out, '}');
}

static void add_node(struct json_writing *writing, const yaml_node_t *node, size_t depth)
{
        writing->failed |= depth > CONFIG_JSON_DEPTH_MAX || writing->out.len > CONFIG_JSON_MAX ||
                           !config_json_tag_known(node);
        if (writing->failed)
                return;
        if (node->type == YAML_SCALAR_NODE)
                add_scalar(writing, node);
        else if (node->type == YAML_SEQUENCE_NODE)
                add_items(writing, node, depth);
        else
                config_add_members(writing, node, depth);
}

const char *config_json_text(struct arena *arena, yaml_document_t *document, const yaml_node_t *node)
{
        struct json_writing writing = {.document = document};
        add_node(&writing, node, 0);
        const char *text = writing.failed ? NULL : arena_copy(arena, writing.out.data, writing.out.len);
        buffer_fini(&writing.out);
        return text;
}
