#ifndef LEVERET_CORE_METRICS_TEXT_H
#define LEVERET_CORE_METRICS_TEXT_H

#include "core/text/buffer.h"

#include <stddef.h>
#include <stdint.h>

/* The Prometheus text format in parts; used by the registry alone. */

enum { HISTOGRAM_BUCKETS_MAX = 18 };

/* Upper bounds in rising order, with the text that `le` shows; the bucket of all the rest is implied. */
struct histogram_buckets {
        size_t count;
        struct histogram_bound {
                double value;
                const char *text;
        } bounds[HISTOGRAM_BUCKETS_MAX];
};
extern const struct histogram_buckets metrics_process_buckets, metrics_wait_buckets, metrics_loop_buckets;

struct histogram {
        uint64_t counts[HISTOGRAM_BUCKETS_MAX + 1]; /* not cumulative; the last used one is the rest */
        uint64_t count;
        double sum;
};

/* What is negative or not a number counts as 0: durations come from clocks of several machines. */
void histogram_add(struct histogram *histogram, const struct histogram_buckets *buckets, double value);

/* Adds the text with backslash, quote and newline escaped and malformed UTF-8 replaced, without quotes. */
void metrics_add_label_value(struct buffer *out, const char *value);

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };
const char *metrics_kind_word(enum metrics_kind kind);

/* HELP and TYPE. */
void metrics_add_head(struct buffer *out, const char *name, enum metrics_kind kind, const char *help);
/* One sample. `labels` is `a="b",c="d"` with escaped values, or "". */
void metrics_add_count(struct buffer *out, const char *name, const char *labels, uint64_t value);
void metrics_add_number(struct buffer *out, const char *name, const char *labels, double value);
/* _bucket (cumulative), _sum and _count. */
void metrics_add_histogram(struct buffer *out, const char *name, const char *labels,
                           const struct histogram_buckets *buckets, const struct histogram *histogram);

#endif
