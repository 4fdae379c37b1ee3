#ifndef LEVERET_CORE_SEND_H
#define LEVERET_CORE_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEND_ERROR_MAX = 256, SEND_PROVIDER_ID_MAX = 256, SEND_REFUSED_MAX = 512 };

/* How a try to send something ended. The same words are used in logs and metrics. */
enum send_outcome {
        SEND_DONE,      /* accepted; never send again */
        SEND_TRANSIENT, /* surely not accepted, may be later */
        SEND_PERMANENT, /* surely not accepted, never will be */
        SEND_CONFIG,    /* refused for our credentials or settings: the message is innocent */
        SEND_AMBIGUOUS, /* may have been accepted */
};
const char *send_outcome_word(enum send_outcome outcome); /* sent transient permanent config ambiguous */

/* What the service answered that was asked for an effect by the token of its tries. */
enum look_answer {
        LOOK_FOUND,
        LOOK_NOT_FOUND,
        LOOK_UNKNOWN, /* refused, unreachable, or not understood */
};
enum { LOOK_ANSWER_COUNT = LOOK_UNKNOWN + 1 };
const char *look_answer_word(enum look_answer answer); /* found not_found unknown */

struct send_result {
        enum send_outcome outcome;
        int64_t retry_after_ms; /* what the service asked for, bounded; -1: nothing */
        bool throttled;         /* 429 and the like: the transport is to slow down, no attempt burnt */
        bool crowded;           /* too many connections: it takes fewer; nothing was sent */
        bool crowd_told;        /* ... in such words; else the service may be down as well */
        size_t standing;        /* of crowded: connections that are open nevertheless */
        /* The service takes so many more before the time is over; reset 0: it did not say. */
        int64_t limit_left, limit_reset_ms;
        bool counts;       /* counts against the breaker: connection errors, 5xx, ambiguous */
        bool opens;        /* opens the breaker: refused credentials or settings */
        bool doubtful;     /* ... but it was said of a mail: perhaps of this one alone */
        uint64_t likeness; /* equal for refusals in the same words that may be the account's; 0: it speaks
                              of one recipient, or is no refusal */
        int status;        /* HTTP status or SMTP reply code, 0 if none */
        char provider_id[SEND_PROVIDER_ID_MAX]; /* "" unless sent and told */
        /* Sent, but so many recipients were refused for good: who, masked, and with what words. */
        size_t refused_count;
        char refused[SEND_REFUSED_MAX];
        char error[SEND_ERROR_MAX]; /* UTF-8, one line, no address, no secret; "" if sent */
};

/* How a look-up ended. */
struct look_result {
        enum look_answer answer;
        bool refused;           /* LOOK_UNKNOWN, and asking again as it is will not help: key, path, shape */
        int64_t retry_after_ms; /* as in struct send_result */
        char provider_id[SEND_PROVIDER_ID_MAX]; /* "" unless found and told */
        char error[SEND_ERROR_MAX];             /* LOOK_UNKNOWN: as in struct send_result */
};

#endif
