#ifndef LEVERET_CORE_OTLP_ANSWER_H
#define LEVERET_CORE_OTLP_ANSWER_H

#include "core/memory/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* What a collector's answer means, and when what it did not take is sent again
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response). */

enum {
        OTLP_TRIES_MAX = 5,       /* of one batch */
        OTLP_AGAIN_MIN_MS = 1000, /* before the second try; then twice that, and so on */
        OTLP_AGAIN_MAX_MS = 8000,
        OTLP_PAUSE_MAX_MS = 30000,   /* the longest that a Retry-After is heeded */
        OTLP_BATCH_SPANS = 2048,     /* of one request, at most */
        OTLP_BATCH_DUE_SPANS = 512,  /* as many are sent at once */
        OTLP_BATCH_DUE_MS = 1000,    /* and what has waited for so long */
        OTLP_HELD_SPANS_MAX = 16384, /* waiting and under way; further ones are dropped */
        OTLP_HELD_BYTES_MAX = 16 << 20,
        OTLP_BODY_MAX = 1 << 20, /* bytes of a request: what is over is sent with the next */
        OTLP_TEXT_MAX = 256,
};

enum otlp_end {
        OTLP_TAKEN,
        OTLP_AGAIN,   /* for now: 429, 502, 503, 504, or no answer at all */
        OTLP_REFUSED, /* for good */
};

struct otlp_answer {
        int status;                     /* of HTTP; 0: there was none */
        struct slice retry_after, body; /* absent if there is none */
        const char *cause;              /* why there is no answer; NULL if there is one */
        int64_t now_s;                  /* since 1970 */
};

struct otlp_verdict {
        enum otlp_end end;
        uint64_t rejected;        /* of those that were taken: spans that the collector does not want */
        int64_t pause_ms;         /* asked for by the collector; -1: it asked for none */
        char text[OTLP_TEXT_MAX]; /* what went wrong, one line; "" if nothing did */
};

struct otlp_verdict otlp_judge(const struct otlp_answer *answer);

/* How long to wait after the try with this number (the first is 1). `random` spreads workers. */
int64_t otlp_again_ms(int tries, int64_t pause_ms, uint64_t random);

/* May one more of that size be held, and is it time to send what waits? */
bool otlp_has_room(size_t spans, size_t bytes, size_t more);
bool otlp_is_due(size_t spans, int64_t waited_ms);

#endif
