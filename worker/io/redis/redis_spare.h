#ifndef LEVERET_IO_REDIS_SPARE_H
#define LEVERET_IO_REDIS_SPARE_H

#include "core/settings/config.h"

#include <uv.h>

/*
 * A connection to Redis that is logged in, knows the scripts, and says nothing: for the last words of a
 * process, which can be no more than one write of what was formatted before. Lives on the loop and is made
 * again when it is lost. With rediss:// there is none, for a write would have to be encrypted, and none with
 * a cluster, for nobody knows before to which node.
 */
struct redis_spare;

/* `sha`: of the script killed.lua; fd -1: it is lost. */
typedef void redis_spare_changed(void *context, int fd, const char *sha);

/* Begins to connect. config and context outlive it. */
struct redis_spare *redis_spare_open(uv_loop_t *loop, const struct config *config,
                                     redis_spare_changed *changed, void *context);
void redis_spare_close(struct redis_spare *spare);

/* Has the first try ended, one way or the other? */
bool redis_spare_tried(const struct redis_spare *spare);

#endif
