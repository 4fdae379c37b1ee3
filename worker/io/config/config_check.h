#ifndef LEVERET_IO_CONFIG_CHECK_H
#define LEVERET_IO_CONFIG_CHECK_H

#include "core/memory/arena.h"
#include "core/settings/config.h"
#include "core/settings/settings.h"

/* What is said of any other number or form of queues. */
#define CONFIG_TOKENS_EXPECTED "expected a list of at most 64 tokens, each begun by `- name: ...`"
#define CONFIG_SCHEDULES_EXPECTED "expected a list of at most 64 schedules, each begun by `- name: ...`"
#define CONFIG_QUEUES_EXPECTED "expected a list of 1 to 64 queues, each begun by `- name: ...`"
_Static_assert(CONFIG_QUEUES_MAX == 64, "the text says so");

/* Called for each fault with the path of the setting that is to be changed. The message holds no secret. */
typedef void config_fault(void *context, const char *path, const char *message);

/* What no single setting shows: settings that need, exclude or bound each other, and what may not travel in
 * plain text. */
void config_check(const struct config *config, struct arena *arena, config_fault *fault, void *context);

/* Is the service that the secret at this path opens on this very machine? */
bool config_secret_is_local(const struct config *config, const char *path, struct arena *arena);

/* Does this value hold something to be kept secret: any api key or token, but of a URL with credentials the
 * password. */
bool config_value_is_secret(const struct setting *setting, const char *value, struct arena *arena);

#endif
