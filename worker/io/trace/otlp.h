#ifndef LEVERET_IO_OTLP_H
#define LEVERET_IO_OTLP_H

#include "core/settings/config.h"
#include "core/trace/otlp_answer.h"
#include "core/trace/span.h"

/*
 * Sends spans to a collector: OTLP over HTTP as JSON, on a thread of its own, so that neither a name server,
 * nor a handshake, nor a slow collector holds up the loop. What waits is bounded (core/trace/otlp_answer.h);
 * what there is no room for, and what the collector does not take, is dropped and counted.
 */
struct otlp;

/* Why spans were dropped. */
enum otlp_drop {
        OTLP_DROP_FULL,        /* too many were waiting */
        OTLP_DROP_UNREACHABLE, /* OTLP_TRIES_MAX tries were in vain */
        OTLP_DROP_REFUSED,     /* by the collector, for good */
        OTLP_DROP_STOPPED,     /* the worker ended */
        OTLP_DROP_COUNT
};
const char *otlp_drop_word(enum otlp_drop drop);

struct otlp_counts {
        uint64_t sent, dropped[OTLP_DROP_COUNT];
        size_t held;              /* waiting and under way */
        enum otlp_end state;      /* of the last try; at the start OTLP_TAKEN */
        uint64_t changes;         /* of `state`, and warnings of a collector that takes what it gets */
        char text[OTLP_TEXT_MAX]; /* what went wrong last, without secrets */
};

/* The settings are copied. NULL if spans go nowhere. `instance`: what tells this process from others. */
struct otlp *otlp_open(const struct config *config, const char *instance);
/* Copies the span and returns at once. */
void otlp_add(struct otlp *otlp, const struct span *span);
void otlp_count(struct otlp *otlp, struct otlp_counts *counts);
/* Sends what waits, for `grace_ms` at most, and frees; adds up what was not sent in `counts`. Waits at most a
 * moment longer than that. */
void otlp_close(struct otlp *otlp, int64_t grace_ms, struct otlp_counts *counts);

/* Asks a collector whether it takes spans, by sending none. Waits, for config->otlp.timeout_ms at most. */
struct otlp_verdict otlp_probe(const struct config *config, const char *instance);

#endif
