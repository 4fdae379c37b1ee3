#ifndef LEVERET_IO_CONFIG_YAML_H
#define LEVERET_IO_CONFIG_YAML_H

#include "core/memory/arena.h"

#include <stdbool.h>

enum { CONFIG_YAML_NODES_MAX = 20000, CONFIG_YAML_DEPTH_MAX = 10, CONFIG_YAML_KEYS_MAX = 1000 };

enum config_node_kind {
        CONFIG_NODE_MAPPING,  /* its entries follow */
        CONFIG_NODE_SEQUENCE, /* its items follow, each a node "path[0]" */
        CONFIG_NODE_VALUE,    /* one text in `values` */
        CONFIG_NODE_LIST,     /* a sequence of texts, or empty */
        CONFIG_NODE_NULL,     /* a key with nothing behind it, `~` or `null` */
};

/* A node of the document; parents come before their children, paths are as in core/settings/settings.h. */
struct config_node {
        enum config_node_kind kind;
        const char *path;
        size_t depth;     /* 1 for the keys of the root */
        bool odd_key;     /* the key itself holds a dot or a bracket */
        int line, column; /* of the value, from 1 */
        int key_line, key_column;
        const char **values;
        size_t count; /* of values, or of the items of a sequence */
};

struct config_yaml {
        struct config_node *nodes;
        size_t count, capacity;
        /* What made it unreadable (syntax, duplicate key, limits); NULL if nothing did. */
        const char *error;
        int error_line, error_column;
};

/* What to add to a problem that libyaml reports: the mistakes that lead to it; "" if none is known. */
const char *config_yaml_hint(const char *problem);
/* Reads a YAML document into nodes that live in the arena. Aliases are followed within the limits above. */
void config_yaml_parse(struct config_yaml *yaml, struct arena *arena, const char *text, size_t len);

#endif
