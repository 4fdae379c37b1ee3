#ifndef LEVERET_SERVE_WATCH_H
#define LEVERET_SERVE_WATCH_H

#include "io/redis/redis_pool.h"
#include "serve/live/streams.h"
#include "serve/live/waiters.h"
#include "serve/work.h"

/* A thread that looks at Redis for all: samples for the overview, how far operations are, which jobs that
 * somebody waits for have ended, what those who listen are to be told. */
struct watch;

/* What it looks at; all outlives it. */
struct watched {
        const struct config *config;
        struct redis_pool *pool;
        struct works *works;
        struct waiters *waiters;
        struct streams *streams;
};
struct watch *watch_open(const struct watched *watched);
/* Answers all who wait, and lets nobody wait any more. */
void watch_hurry(struct watch *watch);
/* Ends the thread. */
void watch_close(struct watch *watch);

#endif
