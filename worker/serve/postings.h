#ifndef LEVERET_SERVE_POSTINGS_H
#define LEVERET_SERVE_POSTINGS_H

#include "io/amqp/amqp_desk.h"
#include "io/redis/redis_pool.h"
#include "io/serve/http_server.h"
#include "query/publication.h"

/* Requests whose message is on its way to the broker. They cost a connection each and no thread: many are
 * confirmed together, then recorded together, then answered. */
struct postings;

/* On the loop's thread. */
struct postings *postings_open(uv_loop_t *loop, const struct config *config, struct redis_pool *pool);
/* Within the answer to a request, which returns then: it is answered 202 when the broker has confirmed it and
 * Redis knows it as queued, else 503 or 400. `publisher`: the name of the token. */
void postings_add(struct postings *postings, const struct http_request *request,
                  const struct publication *publication, const char *publisher);
/* Any thread but the loop's: publishes what is no request's, and waits for a few seconds for the confirm.
 * `arena` holds the message and is taken over. False: it is not known to be taken. */
bool postings_tell(struct postings *postings, struct arena *arena, struct message *message);
/* On the loop's thread: takes no more; all are answered while the loop turns. */
void postings_shut(struct postings *postings);
/* On the loop's thread, once all are answered. */
void postings_close(struct postings *postings);

/* {"id": .., "duplicate": ..} with 202. */
void posting_accept(struct http_answer *answer, const char *id, bool duplicate);

#endif
