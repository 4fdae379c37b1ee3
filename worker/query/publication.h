#ifndef LEVERET_QUERY_PUBLICATION_H
#define LEVERET_QUERY_PUBLICATION_H

#include "core/message/message.h"
#include "query/query.h"

#include <stdbool.h>

/* A message that a person or a program has leveret publish to leveret.in. */
struct publication {
        const char *type, *id, *key;             /* the key is that of the routing */
        const char *subject, *deadline, *app_id; /* NULL: none; app_id: that of the command */
        const char *traceparent, *tracestate;    /* W3C trace context; NULL: none */
        const char *deliver_at;                  /* RFC 3339; NULL: at once */
        struct slice data;
};

enum { PUBLICATION_KEY_MAX = 255 }; /* bytes; a short string of AMQP */

/* All of it in the arena. */
struct publication publication_copy(struct arena *arena, const struct publication *publication);
/* A random UUID (RFC 9562 section 5.4), in the arena. */
const char *publication_id(struct arena *arena);
/* The message, all of it in the arena. */
struct message *publication_message(struct arena *arena, const struct publication *publication);
/* What a worker will know its content by. */
const char *publication_fingerprint(struct arena *arena, const struct config *config,
                                    const struct publication *publication);

/* What the record says of its id. */
enum publication_known {
        PUBLICATION_NEW,       /* nothing, or of a job that was dropped */
        PUBLICATION_DUPLICATE, /* the same message, by this publisher or by one that is not named */
        PUBLICATION_OTHER,     /* another message has the id */
        PUBLICATION_FOREIGN,   /* another publisher's */
        PUBLICATION_UNKNOWN,   /* Redis cannot be asked */
};
enum publication_known publication_look(const struct query *query, const struct publication *publication,
                                        const char *publisher);
/* After the confirm: the job reads `queued` until a worker has it, and `publisher` is set once. False: Redis
 * does not take it; the message is published all the same. */
bool publication_record(const struct query *query, const struct publication *publication,
                        const char *publisher);
/* The same in the next batch: redis_sync_flush() sends it. */
void publication_record_later(const struct query *query, const struct publication *publication,
                              const char *publisher);

#endif
