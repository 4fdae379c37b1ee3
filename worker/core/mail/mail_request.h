#ifndef LEVERET_CORE_MAIL_REQUEST_H
#define LEVERET_CORE_MAIL_REQUEST_H

#include "core/mail/mail.h"
#include "core/memory/arena.h"
#include "core/settings/config.h"

/* What a mail gets from around it. */
struct mail_origin {
        const char *prefix;               /* redis.prefix */
        const char *job_id;               /* names the job for ever, with the effect's key the mail */
        const char *from;                 /* the sender where the mail names none; NULL: leveret@localhost */
        int64_t date_s;                   /* the same for every try */
        const char *traceparent;          /* or NULL */
        const char *tracestate;           /* or NULL */
        const struct config_guard *guard; /* NULL: nothing is redirected and nobody else gets a copy */
};

/*
 * Makes the request to send `mail`, the one place where it is put together: actions, alerts and `mail test`.
 * `mail` breaks no rule (core/plan/mail_check.h) and is borrowed, as is `origin`, for as long as the request
 * is used; the rest lies in the arena.
 */
struct mail_request mail_request_make(struct arena *arena, const struct mail *mail,
                                      const struct mail_origin *origin);

/*
 * Why this mail must not be sent: NULL if it may, else a static sentence for the operator. Nothing that
 * passes can break out of its header or SMTP command: addresses are valid, no header value holds a control
 * character, all text is UTF-8.
 */
const char *mail_request_problem(const struct mail_request *request);

/* Does an address of it need a server that offers SMTPUTF8 (RFC 6531)? */
bool mail_request_needs_utf8(const struct mail_request *request);

#endif
