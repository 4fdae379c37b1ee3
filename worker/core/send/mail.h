#ifndef LEVERET_CORE_MAIL_H
#define LEVERET_CORE_MAIL_H

#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum { MAIL_KEY_BYTES = 64, MAIL_ERROR_MAX = 256, MAIL_PROVIDER_ID_MAX = 256 };

/* How a try to send a mail ended. The same words are used in logs and metrics. */
enum mail_outcome {
        MAIL_SENT,      /* accepted; never send again */
        MAIL_TRANSIENT, /* surely not accepted, may be later */
        MAIL_PERMANENT, /* surely not accepted, never will be */
        MAIL_CONFIG,    /* refused for our credentials or settings: the message is innocent */
        MAIL_AMBIGUOUS, /* may have been accepted */
};
const char *mail_outcome_word(enum mail_outcome outcome); /* sent transient permanent config ambiguous */

/* One mail to one recipient, ready to send. Every try of the same effect has the same bytes. All borrowed. */
struct mail_request {
        const char *key;         /* 64 lower-case hex characters */
        const char *message_id;  /* "<key@domain>" */
        const char *from;        /* RFC 5322 mailbox, validated */
        const char *to;          /* RFC 5321 address, validated */
        const char *reply_to;    /* or NULL */
        const char *subject;     /* UTF-8, no control characters */
        const char *text;        /* UTF-8; NULL if there is only html */
        const char *html;        /* or NULL */
        int64_t date_s;          /* seconds since 1970: the Date header */
        const char *traceparent; /* W3C trace context or NULL */
};

struct mail_result {
        enum mail_outcome outcome;
        int64_t retry_after_ms; /* what the service asked for, capped at one hour; -1: nothing */
        bool throttled;         /* 429 and the like: the transport is to slow down, no attempt burnt */
        bool counts;            /* counts against the breaker: connection errors, 5xx, ambiguous */
        bool opens;             /* opens the breaker at once: bad credentials */
        int status;             /* HTTP status or SMTP reply code, 0 if none */
        char provider_id[MAIL_PROVIDER_ID_MAX]; /* "" unless sent and told */
        char error[MAIL_ERROR_MAX];             /* UTF-8, one line, no address, no secret; "" if sent */
};

#endif
