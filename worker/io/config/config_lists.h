#ifndef LEVERET_IO_CONFIG_LISTS_H
#define LEVERET_IO_CONFIG_LISTS_H

#include "core/settings/config.h"
#include "io/config/config_yaml.h"

/* A list whose entries are sections (queues, schedules, serve.tokens): makes them, at their defaults. False
 * if the node is none of the kind; with what it should be in `expected` if it is one, but cannot be. */
bool config_list_apply(struct config *config, struct arena *arena, const struct config_node *node,
                       const char **expected);

#endif
