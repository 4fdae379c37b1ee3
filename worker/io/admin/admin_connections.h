#ifndef LEVERET_IO_ADMIN_CONNECTIONS_H
#define LEVERET_IO_ADMIN_CONNECTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/*
 * Cuts connections of the admin server that have lived too long, however busy they look: libmicrohttpd's own
 * time-out starts again with every byte, so a client that sends one byte a second would hold a place for
 * ever.
 */
struct admin_connections;

enum { ADMIN_CONNECTION_LIFE_MS = 10000 }; /* of the admin server */

/* On the loop's thread, which does the cutting after `life_ms`. The loop is woken only while there are
 * connections. */
struct admin_connections *admin_connections_open(uv_loop_t *loop, size_t limit, int64_t life_ms);
/* On the server's thread: a connection began; `fd` stays the server's. Returns its place, NULL if all are
 * taken. */
void *admin_connections_add(struct admin_connections *connections, int fd);
/* Any thread, while the connection lives: its life begins anew. */
void admin_connections_renew(struct admin_connections *connections, void *place);
/* On the server's thread, before it closes the descriptor. */
void admin_connections_remove(struct admin_connections *connections, void *place);
/* On the loop's thread, after the server's thread has ended. Freed by the loop's next turn. */
void admin_connections_close(struct admin_connections *connections);

#endif
