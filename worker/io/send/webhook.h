#ifndef LEVERET_IO_WEBHOOK_H
#define LEVERET_IO_WEBHOOK_H

#include "core/memory/slice.h"

#include <stdbool.h>
#include <uv.h>

/*
 * Posts JSON to one URL, one request at a time, off the loop's thread. What the other side answers but its
 * status is thrown away unread after 64 KiB; redirects are not followed.
 */
struct webhook;

enum { WEBHOOK_TIMEOUT_MS = 5000, WEBHOOK_ERROR_MAX = 128 };

/* On the loop's thread. `error` is "" if the answer was 2xx; it never holds the URL, which may be a secret.
 */
typedef void webhook_done(void *context, const char *error);

struct webhook *webhook_open(uv_loop_t *loop, const char *url);
/* Is a request under way? */
bool webhook_is_busy(const struct webhook *webhook);
/* Another URL from now on. Not while it is busy. */
void webhook_move(struct webhook *webhook, const char *url);
/* Copies the body. False: the one before is still under way; nothing is done then. */
bool webhook_post(struct webhook *webhook, struct slice body, webhook_done *done, void *context);
/* `done` is not called any more. A request under way is broken off; the loop is to be run until that is so,
 * which takes about a second, then the memory is given back. NULL is allowed. */
void webhook_close(struct webhook *webhook);

#endif
