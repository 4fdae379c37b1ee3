#ifndef LEVERET_CORE_MAIL_H
#define LEVERET_CORE_MAIL_H

#include "core/send/send.h"

#include <stdint.h>

enum { MAIL_KEY_BYTES = 64 };

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

#endif
