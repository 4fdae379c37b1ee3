#ifndef LEVERET_CORE_MAIL_H
#define LEVERET_CORE_MAIL_H

#include "handler.h"

#include <stdint.h>

enum { MAIL_KEY_BYTES = 64 };

/* The bytes of an attachment as they are sent: in memory, or where they can be read again and again. */
struct mail_file {
        int64_t len;
        const char *content; /* NULL: `read` gives them */
        /* Reads `len` bytes from `at` on, which lie within the file; false if it cannot. */
        bool (*read)(const struct mail_file *file, int64_t at, char *out, size_t len);
        int fd; /* what `read` needs */
};

/* One mail, ready to send. Every try of the same effect has the same bytes. All borrowed. */
struct mail_request {
        struct mail mail;       /* as mail_copy writes it; its key is that of the effect, its `from` is set */
        const char *key;        /* 64 lower-case hex characters */
        const char *message_id; /* "<key@domain>" */
        int64_t date_s;         /* seconds since 1970: the Date header */
        const char *traceparent; /* W3C trace context or NULL */
        const char *tracestate;  /* what goes on beside it, or NULL */
        const char *true_to;     /* the header X-Leveret-To: who it was for, or NULL */
        bool auto_submitted;     /* says by a header that a machine made it (RFC 3834) */
        bool once;     /* the library must not hand it over again by itself: the service is asked instead */
        bool last_try; /* no other follows: a recipient refused for now is refused for good */
        /* What was fetched: one for each attachment of the mail, in its order, those with content left
         * zeroed. NULL: nothing was to be fetched, or has been yet. */
        const struct mail_file *fetched;
};

#endif
