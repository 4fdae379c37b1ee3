#ifndef LEVERET_CORE_REDIS_INFO_H
#define LEVERET_CORE_REDIS_INFO_H

#include "core/memory/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a server says of itself to INFO: lines "name:value", sections begin with "#"
 * (https://redis.io/docs/latest/commands/info/). Valkey says the same, and its own name and version beside
 * the version of Redis that it is compatible with. */

/* The value of a field, borrowed; absent if there is none. */
struct slice redis_info_field(struct slice info, const char *name);
/* A field as a number; `otherwise` if there is none or it is none. */
int64_t redis_info_number(struct slice info, const char *name, int64_t otherwise);

/* Of a text that says what a server is and how it was found. */
enum { REDIS_FOUND_SIZE = 400 };

/* What it is, for people: "Redis 7.0.15", "Valkey 8.0.1"; "Redis" if it does not say. */
void redis_info_server(struct slice info, char *text, size_t size);
/* The policy by which it may forget what was written; absent: it never does, for it has no memory limit or
 * answers writes beyond it with an error (https://redis.io/docs/latest/develop/reference/eviction/). */
struct slice redis_info_eviction(struct slice info);

#endif
