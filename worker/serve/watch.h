#ifndef LEVERET_SERVE_WATCH_H
#define LEVERET_SERVE_WATCH_H

#include "io/redis/redis_pool.h"
#include "serve/work.h"

/* A thread that looks at Redis for all: samples for the overview, how far operations are. */
struct watch;

struct watch *watch_open(const struct config *config, struct redis_pool *pool, struct works *works);
/* Ends the thread. */
void watch_close(struct watch *watch);

#endif
