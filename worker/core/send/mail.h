#ifndef LEVERET_CORE_MAIL_H
#define LEVERET_CORE_MAIL_H

#include "core/send/send.h"
#include "handler.h"

#include <stdint.h>

enum { MAIL_KEY_BYTES = 64 };

/* One mail, ready to send. Every try of the same effect has the same bytes. All borrowed. */
struct mail_request {
        struct mail mail;       /* as mail_copy writes it; its key is that of the effect, its `from` is set */
        const char *key;        /* 64 lower-case hex characters */
        const char *message_id; /* "<key@domain>" */
        int64_t date_s;         /* seconds since 1970: the Date header */
        const char *traceparent; /* W3C trace context or NULL */
};

#endif
