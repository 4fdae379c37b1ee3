#include "io/types/type_yaml.h"
#include "io/config/config_yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct yaml_reader {
        yaml_parser_t parser;
        struct arena *arena;
        const char *file;
        struct file_faults *faults;
        size_t nodes, depth;
};

static struct document *node_read(struct yaml_reader *reader, const yaml_event_t *event);

static struct place_in_file mark_place(const struct yaml_reader *reader, yaml_mark_t mark)
{
        return (struct place_in_file){
                .file = reader->file, .line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

static bool yaml_fault(struct yaml_reader *reader, yaml_mark_t mark, const char *message)
{
        return file_faults_add(reader->faults, mark_place(reader, mark), "%s", message);
}

/* The next event, to be deleted by the caller. False with a fault. */
static bool event_next(struct yaml_reader *reader, yaml_event_t *event)
{
        if (yaml_parser_parse(&reader->parser, event))
                return true;
        const char *problem = reader->parser.problem ? reader->parser.problem : "cannot be read";
        return file_faults_add(reader->faults, mark_place(reader, reader->parser.problem_mark),
                               "not YAML: %.200s%s", problem, config_yaml_hint(problem));
}

static struct document *node_new(struct yaml_reader *reader, yaml_mark_t mark, enum document_kind kind)
{
        if (++reader->nodes > DOCUMENT_NODES_MAX) {
                yaml_fault(reader, mark, "more than 10000 values");
                return NULL;
        }
        struct document *node = arena_alloc(reader->arena, sizeof(*node));
        *node = (struct document){.kind = kind,
                                  .file = reader->file,
                                  .line = (unsigned)mark.line + 1,
                                  .column = (unsigned)mark.column + 1};
        return node;
}

static struct document *scalar_read(struct yaml_reader *reader, const yaml_event_t *event)
{
        const char *text = (const char *)event->data.scalar.value;
        size_t len = event->data.scalar.length;
        if (memchr(text, '\0', len)) {
                yaml_fault(reader, event->start_mark, "a NUL character");
                return NULL;
        }
        struct document *node = node_new(reader, event->start_mark, DOCUMENT_TEXT);
        if (!node)
                return NULL;
        node->text = arena_copy(reader->arena, text, len);
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return node;
}

/* Reads the event and what belongs to it. */
static struct document *next_read(struct yaml_reader *reader)
{
        yaml_event_t event;
        if (!event_next(reader, &event))
                return NULL;
        struct document *node = node_read(reader, &event);
        yaml_event_delete(&event);
        return node;
}

static bool yaml_list_read(struct yaml_reader *reader, struct document *list)
{
        const struct document **end = &list->first;
        for (;; list->count++) {
                yaml_event_t event;
                if (!event_next(reader, &event))
                        return false;
                bool last = event.type == YAML_SEQUENCE_END_EVENT;
                struct document *node = last ? NULL : node_read(reader, &event);
                yaml_event_delete(&event);
                if (!node)
                        return last;
                *end = node;
                end = &node->next;
        }
}

static bool pair_read(struct yaml_reader *reader, const yaml_event_t *key, struct document *map,
                      struct document **value)
{
        const char *text = (const char *)key->data.scalar.value;
        if (key->type != YAML_SCALAR_EVENT || key->data.scalar.length == 0 || key->data.scalar.length > 200 ||
            memchr(text, '\0', key->data.scalar.length))
                return yaml_fault(reader, key->start_mark, "a key is a short text");
        if (document_get(map, text))
                return file_faults_add(reader->faults, mark_place(reader, key->start_mark),
                                       "%.100s is there twice", text);
        *value = next_read(reader);
        if (!*value)
                return false;
        (*value)->key = arena_copy(reader->arena, text, key->data.scalar.length);
        (*value)->key_line = (unsigned)key->start_mark.line + 1;
        (*value)->key_column = (unsigned)key->start_mark.column + 1;
        return true;
}

static bool map_read(struct yaml_reader *reader, struct document *map)
{
        const struct document **end = &map->first;
        for (;; map->count++) {
                yaml_event_t key;
                struct document *value = NULL;
                if (!event_next(reader, &key))
                        return false;
                bool last = key.type == YAML_MAPPING_END_EVENT;
                bool ok = last || pair_read(reader, &key, map, &value);
                yaml_event_delete(&key);
                if (!ok || last)
                        return ok;
                *end = value;
                end = &value->next;
        }
}

static bool event_is_plain(struct yaml_reader *reader, const yaml_event_t *event)
{
        const yaml_char_t *anchor = NULL, *tag = NULL;
        if (event->type == YAML_SCALAR_EVENT) {
                anchor = event->data.scalar.anchor;
                tag = event->data.scalar.tag;
        } else if (event->type == YAML_SEQUENCE_START_EVENT) {
                anchor = event->data.sequence_start.anchor;
                tag = event->data.sequence_start.tag;
        } else if (event->type == YAML_MAPPING_START_EVENT) {
                anchor = event->data.mapping_start.anchor;
                tag = event->data.mapping_start.tag;
        }
        if (event->type == YAML_ALIAS_EVENT || anchor || tag)
                return yaml_fault(reader, event->start_mark,
                                  "anchors, aliases and tags have no meaning here");
        return true;
}

static struct document *node_read(struct yaml_reader *reader, const yaml_event_t *event)
{
        if (!event_is_plain(reader, event))
                return NULL;
        if (event->type == YAML_SCALAR_EVENT)
                return scalar_read(reader, event);
        if (event->type != YAML_SEQUENCE_START_EVENT && event->type != YAML_MAPPING_START_EVENT) {
                yaml_fault(reader, event->start_mark, "expected a value");
                return NULL;
        }
        if (reader->depth == DOCUMENT_DEPTH_MAX) {
                yaml_fault(reader, event->start_mark, "more than 40 lists and mappings inside each other");
                return NULL;
        }
        bool list = event->type == YAML_SEQUENCE_START_EVENT;
        struct document *node = node_new(reader, event->start_mark, list ? DOCUMENT_LIST : DOCUMENT_MAP);
        reader->depth++;
        bool ok = node && (list ? yaml_list_read(reader, node) : map_read(reader, node));
        reader->depth--;
        return ok ? node : NULL;
}

/* Goes on to the next event of that type; false with a fault if another one comes. */
static bool event_expect(struct yaml_reader *reader, yaml_event_type_t type, const char *otherwise)
{
        yaml_event_t event;
        if (!event_next(reader, &event))
                return false;
        bool ok = event.type == type || yaml_fault(reader, event.start_mark, otherwise);
        yaml_event_delete(&event);
        return ok;
}

static struct document *document_read(struct yaml_reader *reader)
{
        if (!event_expect(reader, YAML_STREAM_START_EVENT, "not YAML") ||
            !event_expect(reader, YAML_DOCUMENT_START_EVENT, "is empty"))
                return NULL;
        struct document *root = next_read(reader);
        if (!root || !event_expect(reader, YAML_DOCUMENT_END_EVENT, "expected the end") ||
            !event_expect(reader, YAML_STREAM_END_EVENT, "a second document"))
                return NULL;
        return root;
}

const struct document *type_yaml_read(struct arena *arena, const char *file, struct slice text,
                                      struct file_faults *faults)
{
        struct yaml_reader reader = {.arena = arena, .file = arena_strdup(arena, file), .faults = faults};
        if (!yaml_parser_initialize(&reader.parser))
                abort();
        yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.len);
        const struct document *root = document_read(&reader);
        yaml_parser_delete(&reader.parser);
        return root;
}
