#ifndef LEVERET_IO_REDIS_ROUTE_H
#define LEVERET_IO_REDIS_ROUTE_H

#include "io/redis/connection/redis_connection.h"

/* Inside io only: the nodes of a cluster for who asks and waits; each command goes to the node that has its
 * key, and after it when a slot is moved. */
struct redis_route;

/* Connects to every primary, each proven as redis_connection_open does. config outlives it. NULL with the
 * cause in `error` (256 bytes). */
struct redis_route *redis_route_open(const struct config *config, const char *name, char *error);
void redis_route_close(struct redis_route *route);

/* Runs one command; the caller frees the reply. NULL: the connection is lost, or the nodes send it from one
 * to the other; `error` (256 bytes) says which. */
redisReply *redis_route_run(struct redis_route *route, const struct slice *words, size_t count, char *error);

/* The same for SCAN, through all nodes one after the other. `text` is the cursor that the last answer gave,
 * "0" at first and at the end: words[1] is not looked at. */
struct redis_cursor {
        char text[80];
        char error[256];
};
redisReply *redis_route_scan(struct redis_route *route, const struct slice *words, size_t count,
                             struct redis_cursor *cursor);

/* The connections, one for each node that keys can be at; NULL after the last. */
struct redis_connection *redis_route_node(struct redis_route *route, size_t index);
/* What it is, for people. */
void redis_route_found(const struct redis_route *route, char text[REDIS_FOUND_SIZE]);

#endif
