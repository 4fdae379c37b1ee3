#ifndef LEVERET_CORE_POST_REQUEST_H
#define LEVERET_CORE_POST_REQUEST_H

#include "core/mail/mail_key.h"
#include "core/memory/arena.h"
#include "handler.h"

#include <stdbool.h>

/* One webhook, ready to be posted. Every try of the same effect has the same body. All borrowed, or in the
 * arena that it was made in. */
struct post_request {
        const char *url;
        const char *key;         /* 64 lower-case hex characters: webhook-id and Idempotency-Key */
        struct slice body;       /* JSON */
        const char *traceparent; /* W3C trace context or NULL */
        const char *tracestate;  /* what goes on beside it, or NULL */
        bool bare;               /* no header of webhooks and no signature: an alert */
};

/* What a webhook gets from around it. */
struct post_origin {
        const char *prefix; /* redis.prefix */
        const char *job_id;
        const char *type;        /* of the message, for a post without one */
        int64_t date_ms;         /* of the message: the same for every try */
        const char *traceparent; /* or NULL */
        const char *tracestate;  /* or NULL */
};

/* `post` and `origin` are borrowed for as long as the request is used. */
struct post_request post_request_make(struct arena *arena, const struct post *post,
                                      const struct post_origin *origin);

#endif
