#include "io/config/config_yaml.h"

#include "core/text/utf8.h"
#include "io/config/config_json.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { KEY_MAX = 200 };

struct reader {
        struct config_yaml *yaml;
        struct arena *arena;
        yaml_document_t *document;
        size_t visited;
};

static void yaml_fail(struct reader *reader, yaml_mark_t mark, const char *message)
{
        if (reader->yaml->error)
                return;
        reader->yaml->error = message;
        reader->yaml->error_line = (int)mark.line + 1;
        reader->yaml->error_column = (int)mark.column + 1;
}

static struct config_node *yaml_node_add(struct reader *reader)
{
        struct config_yaml *yaml = reader->yaml;
        if (yaml->count == yaml->capacity) {
                size_t capacity = yaml->capacity ? yaml->capacity * 2 : 64;
                struct config_node *nodes = arena_alloc(reader->arena, capacity * sizeof(*nodes));
                if (yaml->count)
                        memcpy(nodes, yaml->nodes, yaml->count * sizeof(*nodes));
                yaml->nodes = nodes;
                yaml->capacity = capacity;
        }
        return &yaml->nodes[yaml->count++];
}

static const char *scalar_text(struct reader *reader, const yaml_node_t *node)
{
        const char *text = (const char *)node->data.scalar.value;
        if (memchr(text, '\0', node->data.scalar.length))
                yaml_fail(reader, node->start_mark, "a NUL character");
        return arena_copy(reader->arena, text, node->data.scalar.length);
}

static bool is_null(const yaml_node_t *node)
{
        const char *text = (const char *)node->data.scalar.value;
        return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
               (!text[0] || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static bool all_scalars(struct reader *reader, const yaml_node_t *node)
{
        for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
             item++)
                if (yaml_document_get_node(reader->document, *item)->type != YAML_SCALAR_NODE)
                        return false;
        return true;
}

static void visit(struct reader *reader, yaml_node_t *node, const yaml_node_t *key, const char *path,
                  size_t depth);

static void tag_check(struct reader *reader, const yaml_node_t *node)
{
        if (!config_json_tag_known(node))
                yaml_fail(reader, node->start_mark,
                          arena_printf(reader->arena,
                                       "the tag %.60s has no meaning here: write the value without it "
                                       "(a value that begins with ! needs quotes)",
                                       (const char *)node->tag));
}

static void visit_sequence(struct reader *reader, yaml_node_t *node, struct config_node entry)
{
        yaml_node_item_t *items = node->data.sequence.items.start;
        entry.count = (size_t)(node->data.sequence.items.top - items);
        bool list = all_scalars(reader, node);
        entry.kind = list ? CONFIG_NODE_LIST : CONFIG_NODE_SEQUENCE;
        reader->visited += entry.count;
        if (reader->visited > CONFIG_YAML_NODES_MAX) {
                yaml_fail(reader, node->start_mark, "too many values");
                return;
        }
        if (list) {
                entry.values = arena_alloc(reader->arena, (entry.count + 1) * sizeof(*entry.values));
                for (size_t i = 0; i < entry.count; i++) {
                        const yaml_node_t *item = yaml_document_get_node(reader->document, items[i]);
                        tag_check(reader, item);
                        entry.values[i] = scalar_text(reader, item);
                }
        }
        *yaml_node_add(reader) = entry;
        for (size_t i = 0; !list && i < entry.count; i++) {
                const char *path = arena_printf(reader->arena, "%s[%zu]", entry.path, i);
                yaml_node_t *item = yaml_document_get_node(reader->document, items[i]);
                visit(reader, item, item, path, entry.depth + 1);
        }
}

/* A key's text; NULL after a failure. */
static const char *key_text(struct reader *reader, const yaml_node_t *node, const yaml_node_pair_t *pair)
{
        const yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
        if (key->type != YAML_SCALAR_NODE || key->data.scalar.length == 0 ||
            key->data.scalar.length > KEY_MAX) {
                yaml_fail(reader, key->start_mark, "a key must be a short text");
                return NULL;
        }
        const char *text = scalar_text(reader, key);
        tag_check(reader, key);
        if (config_json_merges(key))
                yaml_fail(reader, key->start_mark,
                          "<< merges nothing here: name each key, or refer to whole values by & and *");
        for (const char *at = text; *at; at++)
                if ((unsigned char)*at < 0x20 || *at == 0x7f)
                        yaml_fail(reader, key->start_mark, "a control character in a key");
        for (const yaml_node_pair_t *other = node->data.mapping.pairs.start; other < pair; other++) {
                const yaml_node_t *earlier = yaml_document_get_node(reader->document, other->key);
                if (strcmp((const char *)earlier->data.scalar.value, text) == 0)
                        yaml_fail(reader, key->start_mark,
                                  arena_printf(reader->arena, "duplicate key %s", text));
        }
        return reader->yaml->error ? NULL : text;
}

static void visit_mapping(struct reader *reader, yaml_node_t *node, const char *parent, size_t depth)
{
        yaml_node_pair_t *pairs = node->data.mapping.pairs.start, *end = node->data.mapping.pairs.top;
        if (end - pairs > CONFIG_YAML_KEYS_MAX)
                yaml_fail(reader, node->start_mark, "too many keys");
        for (yaml_node_pair_t *pair = pairs; pair < end && !reader->yaml->error; pair++) {
                const char *key = key_text(reader, node, pair);
                if (!key)
                        return;
                const char *path = parent ? arena_printf(reader->arena, "%s.%s", parent, key) : key;
                visit(reader, yaml_document_get_node(reader->document, pair->value),
                      yaml_document_get_node(reader->document, pair->key), path, depth + 1);
        }
}

/* "schedules[0].data": whatever it is, it is one value. */
static bool is_of_json(const char *path)
{
        static const char list[] = "schedules[";
        const char *end = strncmp(path, list, sizeof(list) - 1) == 0 ? strchr(path, ']') : NULL;
        return end && strcmp(end, "].data") == 0;
}

static void visit(struct reader *reader, yaml_node_t *node, const yaml_node_t *key, const char *path,
                  size_t depth)
{
        if (++reader->visited > CONFIG_YAML_NODES_MAX)
                yaml_fail(reader, node->start_mark, "too many values");
        if (depth > CONFIG_YAML_DEPTH_MAX)
                yaml_fail(reader, node->start_mark, "nested too deeply");
        tag_check(reader, node);
        if (reader->yaml->error)
                return;
        struct config_node entry = {
                .path = path,
                .depth = depth,
                .odd_key =
                        key->type == YAML_SCALAR_NODE && strpbrk((const char *)key->data.scalar.value, ".[]"),
                .line = (int)node->start_mark.line + 1,
                .column = (int)node->start_mark.column + 1,
                .key_line = (int)key->start_mark.line + 1,
                .key_column = (int)key->start_mark.column + 1,
        };
        bool json = node->type != YAML_SCALAR_NODE && is_of_json(path);
        if (json) {
                entry.kind = CONFIG_NODE_VALUE;
                entry.values = arena_alloc(reader->arena, sizeof(*entry.values));
                entry.values[0] = config_json_text(reader->arena, reader->document, node);
                entry.count = 1;
                *yaml_node_add(reader) = entry;
                if (!entry.values[0])
                        yaml_fail(reader, node->start_mark,
                                  "too much for one value, nested too deeply, a tag, <<, or a key that is no "
                                  "text");
        } else if (node->type == YAML_SEQUENCE_NODE) {
                visit_sequence(reader, node, entry);
        } else if (node->type == YAML_MAPPING_NODE) {
                entry.kind = CONFIG_NODE_MAPPING;
                *yaml_node_add(reader) = entry;
                visit_mapping(reader, node, path, depth);
        } else {
                entry.kind = is_null(node) ? CONFIG_NODE_NULL : CONFIG_NODE_VALUE;
                entry.values = arena_alloc(reader->arena, sizeof(*entry.values));
                entry.values[0] = scalar_text(reader, node);
                entry.count = 1;
                *yaml_node_add(reader) = entry;
        }
}

/* libyaml tells only the byte offset of an encoding error. */
static yaml_mark_t problem_mark(const yaml_parser_t *parser, const char *text, size_t len)
{
        yaml_mark_t mark = parser->problem_mark;
        if (parser->error != YAML_READER_ERROR)
                return mark;
        mark = (yaml_mark_t){0};
        for (size_t i = 0; i < len && i < parser->problem_offset; i++) {
                mark.column = text[i] == '\n' ? 0 : mark.column + 1;
                mark.line += text[i] == '\n';
        }
        return mark;
}

const char *config_yaml_hint(const char *problem)
{
        if (strstr(problem, "cannot start any token"))
                return " (a tab? only spaces indent; a value that begins with @, % or ` needs quotes)";
        if (strstr(problem, "alphabetic or numeric character") || strstr(problem, "undefined alias"))
                return " (a value that begins with * or & needs quotes)";
        if (strstr(problem, "node content") || strstr(problem, "expected ','"))
                return " (a bracket or brace that nothing closes? a value with #, { or } needs quotes)";
        if (strstr(problem, "mapping values are not allowed"))
                return " (no space behind the colon above? indented otherwise than its neighbours?)";
        if (strstr(problem, "expected <document start>"))
                return " (indented otherwise than the first line?)";
        return "";
}

static bool document_load(struct reader *reader, yaml_parser_t *parser, yaml_document_t *document,
                          const char *text, size_t len)
{
        if (yaml_parser_load(parser, document))
                return true;
        const char *problem = parser->problem ? parser->problem : "cannot be read";
        yaml_fail(reader, problem_mark(parser, text, len),
                  arena_printf(reader->arena, "not YAML: %s%s", problem, config_yaml_hint(problem)));
        return false;
}

static void read_document(struct reader *reader, yaml_parser_t *parser, const char *text, size_t len)
{
        yaml_document_t document;
        if (!document_load(reader, parser, &document, text, len))
                return;
        reader->document = &document;
        yaml_node_t *root = yaml_document_get_root_node(&document);
        if (root && root->type == YAML_MAPPING_NODE)
                visit_mapping(reader, root, NULL, 0);
        else if (root && !(root->type == YAML_SCALAR_NODE && is_null(root)))
                yaml_fail(reader, root->start_mark, "expected settings as `key: value`");
        yaml_document_delete(&document);
        if (!root || reader->yaml->error || !document_load(reader, parser, &document, text, len))
                return;
        root = yaml_document_get_root_node(&document);
        if (root)
                yaml_fail(reader, root->start_mark, "a second document");
        yaml_document_delete(&document);
}

void config_yaml_parse(struct config_yaml *yaml, struct arena *arena, const char *text, size_t len)
{
        *yaml = (struct config_yaml){0};
        struct reader reader = {.yaml = yaml, .arena = arena};
        yaml_parser_t parser;
        if (!yaml_parser_initialize(&parser))
                abort();
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
        read_document(&reader, &parser, text, len);
        yaml_parser_delete(&parser);
}
