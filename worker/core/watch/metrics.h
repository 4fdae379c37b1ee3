#ifndef LEVERET_CORE_METRICS_H
#define LEVERET_CORE_METRICS_H

#include "core/job/breaker.h"
#include "core/job/protocol.h"
#include "core/job/reason.h"
#include "core/mail/mail.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * All numbers that the worker shows to Prometheus. It belongs to one thread, asks no clock, and its hot calls
 * are an index and an addition. Nothing that a publisher chooses becomes a label: a type without a handler is
 * counted as "other", so the number of series is bounded by the configuration, and again by METRICS_LANES_MAX
 * pairs of queue and type.
 *
 * The messaging_ names are those of the OpenTelemetry semantic conventions for messaging
 * (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/), written as Prometheus writes
 * them.
 */
struct metrics;

enum { METRICS_LANES_MAX = 256 };

/* A type that has no handler; any index that is too large means the same. */
#define METRICS_TYPE_OTHER SIZE_MAX

/* How one delivery ended. */
#define METRICS_OUTCOME_LIST(X)                                                                              \
        X(COMPLETED, "completed") /* its effects are done */                                                 \
        X(DUPLICATE, "duplicate") /* was completed before */                                                 \
        X(CANCELLED, "cancelled") /* was cancelled before anybody began */                                   \
        X(STALE, "stale")         /* a newer copy is known */                                                \
        X(BUSY, "busy")           /* another owner runs it: the same attempt comes again */                  \
        X(RETRY, "retry")         /* comes again with the next attempt */                                    \
        X(DEFER, "defer")         /* comes again with the same attempt */                                    \
        X(SCHEDULE, "schedule")   /* waits for its deliver-at */                                             \
        X(DEAD, "dead")           /* dead-lettered */                                                        \
        X(RETURNED, "returned")   /* given back to the broker, nothing was started */                        \
        X(FORGOTTEN, "forgotten") /* its connection was lost: the broker delivers it again */

enum metrics_outcome {
#define X(name, word) METRICS_##name,
        METRICS_OUTCOME_LIST(X)
#undef X
                METRICS_OUTCOME_COUNT
};
const char *metrics_outcome_word(enum metrics_outcome outcome);

enum metrics_connection {
        METRICS_AMQP_CONSUMER,
        METRICS_AMQP_PUBLISHER,
        METRICS_REDIS,
        METRICS_CONNECTION_COUNT
};

/* The label values; all are copied. */
struct metrics_labels {
        const char *version;       /* of the program */
        const char *const *queues; /* in the order of the configuration */
        size_t queue_count;
        const char *const *types; /* in the order of the handler table */
        size_t type_count;
        const char *const *outlets;    /* mail first, in the order of the configuration */
        const char *const *transports; /* of each outlet: http smtp log post */
        size_t outlet_count;
        size_t type_spare; /* types that a reload may bring */
};

struct metrics *metrics_new(const struct metrics_labels *labels);
void metrics_free(struct metrics *metrics);

/* ---- counted where it happens ---- */

/* The index of a type; one that a reload brought takes a spare place. METRICS_TYPE_OTHER: there is none left.
 */
size_t metrics_type(struct metrics *metrics, const char *type);

/* How a delivery ended. */
struct metrics_end {
        size_t queue, type; /* indices of the labels */
        enum metrics_outcome outcome;
        double duration_s; /* from start to end, negative if it was never started */
        double at_s;       /* seconds since 1970 */
};
/* Counts the end, and also the retries; keeps last success and consecutive failures. */
void metrics_message_end(struct metrics *metrics, const struct metrics_end *end);
/* Seconds between the message's timestamp and its start; negative (clocks differ) counts as 0. */
void metrics_queue_wait(struct metrics *metrics, size_t queue, double wait_s);
void metrics_dead_letter(struct metrics *metrics, size_t queue, enum reason reason);
void metrics_claim(struct metrics *metrics, enum claim_answer answer);
void metrics_mail_end(struct metrics *metrics, size_t outlet, enum send_outcome outcome, double duration_s);
/* So many recipients of a mail that went out were refused for good. */
void metrics_mail_refused(struct metrics *metrics, size_t outlet, size_t recipients);
/* A service was asked whether it has a mail. */
void metrics_mail_look(struct metrics *metrics, size_t outlet, enum look_answer answer);
/* A copy was published; `word` of publish_outcome_word. */
void metrics_publish_end(struct metrics *metrics, const char *word);
/* CPU time that one callback of the loop took. */
void metrics_loop_callback(struct metrics *metrics, double cpu_s);
/* A connection came up or went down; each loss is counted. */
void metrics_connection(struct metrics *metrics, enum metrics_connection connection, bool up);

/* ---- set before rendering, or whenever known ---- */

/* Of a connection that counts its losses itself. */
void metrics_set_connection(struct metrics *metrics, enum metrics_connection connection, bool up,
                            uint64_t losses);
/* `openings`: how often it opened since the start. */
void metrics_set_breaker(struct metrics *metrics, size_t outlet, enum breaker_state state, uint64_t openings);
/* Of a rate that all workers share: what this one asked for, was given and used. */
struct metrics_share {
        uint64_t questions, given, used;
        uint64_t put_off; /* mails, for the rate of a domain */
};
void metrics_set_share(struct metrics *metrics, size_t outlet, const struct metrics_share *share);
void metrics_set_in_flight(struct metrics *metrics, size_t queue, size_t messages);
/* Over all queues; `oldest_s` 0 if nothing is in flight. */
void metrics_set_in_flight_total(struct metrics *metrics, size_t bytes, double oldest_s);
/* Messages that wait in the queue as the broker counts them; negative: not known. */
void metrics_set_queue_depth(struct metrics *metrics, size_t queue, int64_t messages);
/* What waits in the queue's retry tiers; negative: not known. */
void metrics_set_queue_retrying(struct metrics *metrics, size_t queue, int64_t messages);
/* What waits in the queue waits no longer than this; negative: not known. */
void metrics_set_queue_oldest(struct metrics *metrics, size_t queue, double oldest_s);
void metrics_set_consuming(struct metrics *metrics, size_t queue, bool consuming);
void metrics_set_stuck_jobs(struct metrics *metrics, size_t jobs);
void metrics_set_ready(struct metrics *metrics, bool ready);
/* Since the start of the process. */
void metrics_set_log_lines_dropped(struct metrics *metrics, uint64_t lines);

struct metrics_process {
        double start_s; /* seconds since 1970 */
        double cpu_s;   /* user and system */
        uint64_t resident_bytes, open_fds;
};
void metrics_set_process(struct metrics *metrics, const struct metrics_process *process);

/* ---- shown ---- */

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Adds the Prometheus text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format). */
void metrics_render(const struct metrics *metrics, struct buffer *out);
/* Adds one line for each family: name, kind and help, separated by tabs. */
void metrics_list(struct buffer *out);

#endif
