#ifndef LEVERET_IO_CONFIG_JSON_H
#define LEVERET_IO_CONFIG_JSON_H

#include "core/memory/arena.h"

#include <yaml.h>

enum { CONFIG_JSON_DEPTH_MAX = 32, CONFIG_JSON_MAX = 262144 };

/* A node of YAML as a JSON text in the arena: plain scalars that JSON has (numbers, true, false, null) are
 * those, all others strings. NULL: deeper than CONFIG_JSON_DEPTH_MAX, longer than CONFIG_JSON_MAX bytes, or
 * with a key that is no text or merges, or a tag that is not known. */
const char *config_json_text(struct arena *arena, yaml_document_t *document, const yaml_node_t *node);

/* Does the node have no tag, or one that says no more than the value itself does (!!str, !!int, !!map)?
 * "!secret x" would otherwise be read as "x", though whoever wrote it means something to be looked up. */
bool config_json_tag_known(const yaml_node_t *node);
/* Is the key, a scalar, the merge key "<<" of YAML 1.1? */
bool config_json_merges(const yaml_node_t *key);

#endif
