#include "io/config/config_fold.h"
#include "core/settings/settings.h"

#include <string.h>

/* The nodes below one: how many follow it. */
static size_t nodes_below(const struct config_yaml *yaml, size_t at)
{
        const char *path = yaml->nodes[at].path;
        size_t len = strlen(path), end = at + 1;
        while (end < yaml->count && strncmp(yaml->nodes[end].path, path, len) == 0 &&
               (yaml->nodes[end].path[len] == '.' || yaml->nodes[end].path[len] == '['))
                end++;
        return end - at - 1;
}

/* {their name: ours, ..}; false if a value is no text. */
static bool mapping_fold(struct config_node *node, const struct config_node *below, size_t count,
                         struct arena *arena)
{
        const char **values = arena_alloc(arena, (count + 1) * sizeof(*values));
        for (size_t i = 0; i < count; i++) {
                if (below[i].kind != CONFIG_NODE_VALUE)
                        return false;
                const char *name = below[i].path + strlen(node->path) + 1;
                values[i] = arena_printf(arena, "%s\n%s", name, below[i].values[0]);
        }
        node->values = values;
        node->count = count;
        return true;
}

static const char *config_fold_value_of(const struct config_node *node, const struct config_node *item,
                                        const char *name)
{
        size_t len = strlen(item->path);
        bool named = node->kind == CONFIG_NODE_VALUE && strncmp(node->path, item->path, len) == 0 &&
                     node->path[len] == '.' && strcmp(node->path + len + 1, name) == 0;
        return named ? node->values[0] : NULL;
}

/* [pattern, {exchange: .., key: ..}, ..]; false if an item is neither. */
static bool bindings_fold(struct config_node *node, const struct config_node *below, size_t count,
                          struct arena *arena)
{
        const char **values = arena_alloc(arena, (count + 1) * sizeof(*values));
        size_t made = 0;
        for (size_t i = 0; i < count;) {
                const struct config_node *item = &below[i++];
                const char *exchange = NULL, *key = NULL;
                if (item->kind == CONFIG_NODE_VALUE) {
                        values[made++] = item->values[0];
                        continue;
                }
                for (; i < count && strncmp(below[i].path, item->path, strlen(item->path)) == 0; i++) {
                        const char *named = config_fold_value_of(&below[i], item, "exchange");
                        const char *keyed = config_fold_value_of(&below[i], item, "key");
                        if (!named && !keyed)
                                return false;
                        exchange = named ? named : exchange;
                        key = keyed ? keyed : key;
                }
                if (item->kind != CONFIG_NODE_MAPPING || !exchange || !key)
                        return false;
                values[made++] = arena_printf(arena, "%s\n%s", exchange, key);
        }
        node->values = values;
        node->count = made;
        return true;
}

static bool node_fold(struct config_yaml *yaml, size_t at, size_t below, struct arena *arena)
{
        struct config_node *node = &yaml->nodes[at];
        const struct setting *setting = node->odd_key ? NULL : setting_find(node->path);
        enum setting_pairs pairs = setting ? setting->pairs : SETTING_SINGLE;
        bool folded = false;
        if (pairs == SETTING_BY_NAME && node->kind == CONFIG_NODE_MAPPING)
                folded = mapping_fold(node, node + 1, below, arena);
        if (pairs == SETTING_OF_EXCHANGE && node->kind == CONFIG_NODE_SEQUENCE)
                folded = bindings_fold(node, node + 1, below, arena);
        if (folded)
                node->kind = CONFIG_NODE_LIST;
        return folded;
}

void config_fold(struct config_yaml *yaml, struct arena *arena)
{
        size_t kept = 0;
        for (size_t at = 0; at < yaml->count; at++) {
                size_t below = nodes_below(yaml, at);
                bool folded = node_fold(yaml, at, below, arena);
                yaml->nodes[kept++] = yaml->nodes[at];
                at += folded ? below : 0;
        }
        yaml->count = kept;
}
