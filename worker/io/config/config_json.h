#ifndef LEVERET_IO_CONFIG_JSON_H
#define LEVERET_IO_CONFIG_JSON_H

#include "core/memory/arena.h"

#include <yaml.h>

enum { CONFIG_JSON_DEPTH_MAX = 32, CONFIG_JSON_MAX = 262144 };

/* A node of YAML as a JSON text in the arena: plain scalars that JSON has (numbers, true, false, null) are
 * those, all others strings. NULL: deeper than CONFIG_JSON_DEPTH_MAX, or longer than CONFIG_JSON_MAX bytes.
 */
const char *config_json_text(struct arena *arena, yaml_document_t *document, const yaml_node_t *node);

#endif
