#ifndef LEVERET_CORE_SEND_OUTCOME_H
#define LEVERET_CORE_SEND_OUTCOME_H

#include "core/memory/slice.h"
#include "core/send/send.h"

/* What an answer, or its absence, means for the mail and for the breaker. Each sets all of the result but the
 * provider's id; the text of the error begins with the status or the place. */

/* A complete HTTP answer, as far as its meaning depends on it. */
struct http_answer {
        int status;
        bool judged; /* the preset knows what the service means: */
        enum send_outcome verdict;
        bool throttles;           /* ... too many requests */
        bool foreign;             /* somebody else answers: http_answer_is_foreign */
        bool nameless;            /* a success lacks the id that the service promises */
        struct slice retry_after; /* the header's value or absent */
        /* Ratelimit-Remaining and Ratelimit-Reset (an IETF draft), with or without X- before them; or absent.
         */
        struct slice limit_left, limit_reset;
        int64_t retry_after_max_ms; /* no pause is longer, whatever is asked for */
        int64_t now_s;              /* wall clock, seconds since 1970: for a date in these headers */
};
struct send_result send_outcome_http(const struct http_answer *answer);

/* Is this the answer of something in between (a captive portal, a proxy, a web server at a wrong URL), and
 * not of a service that answers JSON? Judged by the Content-Type, absent if there is none, and the first
 * byte. */
bool http_answer_is_foreign(struct slice content_type, struct slice body);

/* Seconds or an HTTP-date (RFC 9110 section 10.2.3) as milliseconds from `now_s`, unbounded but for 2^53; -1
 * if absent or garbage. */
int64_t send_retry_after_ms(struct slice value, int64_t now_s);

/* No answer: `sent` if the whole request may have reached the service. `cause` is one line. */
struct send_result send_outcome_cut(bool sent, const char *cause);

/* The TLS handshake or the log-in was refused by our side: nothing was sent and time heals nothing. */
struct send_result send_outcome_settings(const char *cause);

/* Never begun: the request is invalid; the breaker does not care. */
struct send_result send_outcome_invalid(const char *problem);
/* Never begun: the fence had passed. Status -1. */
struct send_result send_outcome_fenced(void);

/* Broken off because the worker stops; the breaker does not care. */
struct send_result send_outcome_stopped(bool sent);

/* What the last SMTP command was when the reply came; SMTP_CONNECT waits for the greeting, SMTP_DOT for the
 * reply to the message. Ordered. */
enum smtp_phase {
        SMTP_CONNECT,
        SMTP_EHLO,
        SMTP_STARTTLS,
        SMTP_AUTH,
        SMTP_MAIL,
        SMTP_RCPT,
        SMTP_DATA,
        SMTP_DOT,
};
const char *smtp_phase_word(enum smtp_phase phase); /* "connect", "EHLO" ... "end of data" */

struct smtp_reply {
        int code;                                        /* RFC 5321 section 4.2 */
        int enhanced, enhanced_subject, enhanced_detail; /* RFC 3463; all 0 if there is none */
        struct slice text;                               /* what follows the code, borrowed */
};
/* Reads one reply line; `last` tells whether it ends its reply ("250 " against "250-"). False if it is no
 * reply line. */
bool smtp_reply_parse(struct slice line, struct smtp_reply *reply, bool *last);

/* A refusal, or the acceptance of the whole message, in that phase. */
struct send_result send_outcome_smtp(enum smtp_phase phase, const struct smtp_reply *reply);

#endif
