#ifndef LEVERET_SERVE_STREAMS_H
#define LEVERET_SERVE_STREAMS_H

#include "io/serve/http_server.h"
#include "query/query.h"

/* Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): what changes, for all
 * who listen. */
struct streams;

enum { STREAMS_MAX = 64 };

struct streams *streams_open(void);
/* Any thread: ends all, and takes no more. */
void streams_shut(struct streams *streams);
void streams_close(struct streams *streams);
/* Any thread. False: there are too many, or the end has come. */
bool streams_add(struct streams *streams, const struct http_request *request);
/* On the thread that looks: tells all what has changed since the last look. How many listen. */
size_t streams_look(struct streams *streams, const struct query *query);

#endif
