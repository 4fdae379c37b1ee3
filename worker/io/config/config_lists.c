#include "io/config/config_lists.h"
#include "core/settings/settings.h"
#include "io/config/config_check.h"

#include <string.h>

bool config_list_apply(struct config *config, struct arena *arena, const struct config_node *node,
                       const char **expected)
{
        bool queues = strcmp(node->path, "queues") == 0, tokens = strcmp(node->path, "serve.tokens") == 0;
        if (!queues && !tokens && strcmp(node->path, "schedules") != 0)
                return false;
        size_t *count = queues ? &config->queue_count : &config->schedule_count;
        *expected = queues ? CONFIG_QUEUES_EXPECTED : CONFIG_SCHEDULES_EXPECTED;
        if (tokens) {
                count = &config->serve.token_count;
                *expected = CONFIG_TOKENS_EXPECTED;
        }
        if (node->kind != CONFIG_NODE_SEQUENCE || node->count > CONFIG_QUEUES_MAX)
                return !queues && !tokens &&
                       (node->kind == CONFIG_NODE_NULL ||
                        (node->kind == CONFIG_NODE_LIST && node->count == 0));
        *count = node->count;
        for (size_t i = 0; i < node->count; i++)
                if (queues)
                        settings_queue_defaults(&config->queues[i], arena);
                else if (tokens)
                        settings_token_defaults(&config->serve.tokens[i], arena);
                else
                        settings_schedule_defaults(&config->schedules[i], arena);
        return true;
}
_Static_assert(CONFIG_QUEUES_MAX == 64 && CONFIG_TOKENS_MAX == 64 && CONFIG_SCHEDULES_MAX == 64,
               "the texts say so");
