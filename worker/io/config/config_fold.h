#ifndef LEVERET_IO_CONFIG_FOLD_H
#define LEVERET_IO_CONFIG_FOLD_H

#include "io/config/config_yaml.h"

/* Makes the values of settings whose items are pairs (setting_pairs) lists of texts "left\nright": a mapping
 * `{their name: ours}`, a list of patterns and {exchange, key}. What is neither stays as it is, for whoever
 * says what was expected. */
void config_fold(struct config_yaml *yaml, struct arena *arena);

#endif
