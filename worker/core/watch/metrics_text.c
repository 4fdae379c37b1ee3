#include "core/watch/metrics_text.h"

#include "core/text/utf8.h"

#include <inttypes.h>

/* The bounds that OpenTelemetry advises for messaging.process.duration, with two below, as most of our work
 * takes less than 5 ms, and two above, up to the default time-out of a handler. */
const struct histogram_buckets metrics_process_buckets = {
        .count = 18,
        .bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
                   30, 60},
};
const struct histogram_buckets metrics_wait_buckets = {
        .count = 13,
        .bounds = {0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 28800, 86400},
};
const struct histogram_buckets metrics_loop_buckets = {
        .count = 11,
        .bounds = {0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5},
};

void histogram_add(struct histogram *histogram, const struct histogram_buckets *buckets, double value)
{
        if (!(value > 0))
                value = 0;
        size_t i = 0;
        while (i < buckets->count && value > buckets->bounds[i])
                i++;
        histogram->counts[i]++;
        histogram->count++;
        histogram->sum += value;
}

void metrics_add_label_value(struct buffer *out, const char *value)
{
        size_t len = strlen(value);
        for (size_t at = 0; at < len;) {
                size_t width = utf8_width(value + at, len - at);
                if (width == 0)
                        buffer_add_text(out, "\xef\xbf\xbd");
                else if (value[at] == '\n')
                        buffer_add_text(out, "\\n");
                else if (value[at] == '"' || value[at] == '\\')
                        buffer_printf(out, "\\%c", value[at]);
                else
                        buffer_add(out, value + at, width);
                at += width ? width : 1;
        }
}

const char *metrics_kind_word(enum metrics_kind kind)
{
        switch (kind) {
        case METRICS_COUNTER:
                return "counter";
        case METRICS_GAUGE:
                return "gauge";
        case METRICS_HISTOGRAM:
                return "histogram";
        }
        return "untyped";
}

void metrics_add_head(struct buffer *out, const char *name, enum metrics_kind kind, const char *help)
{
        buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, metrics_kind_word(kind));
}

static void metric_add_name(struct buffer *out, const char *name, const char *suffix, const char *labels)
{
        buffer_add_text(out, name);
        buffer_add_text(out, suffix);
        if (labels[0])
                buffer_printf(out, "{%s}", labels);
}

void metrics_add_count(struct buffer *out, const char *name, const char *labels, uint64_t value)
{
        metric_add_name(out, name, "", labels);
        buffer_printf(out, " %" PRIu64 "\n", value);
}

void metrics_add_number(struct buffer *out, const char *name, const char *labels, double value)
{
        metric_add_name(out, name, "", labels);
        buffer_printf(out, " %.15g\n", value);
}

static void add_bucket(struct buffer *out, const char *name, const char *labels, const char *bound,
                       uint64_t count)
{
        buffer_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, labels[0] ? "," : "",
                      bound, count);
}

void metrics_add_histogram(struct buffer *out, const char *name, const char *labels,
                           const struct histogram_buckets *buckets, const struct histogram *histogram)
{
        uint64_t below = 0;
        struct buffer bound = {0};
        for (size_t i = 0; i < buckets->count; i++) {
                below += histogram->counts[i];
                buffer_clear(&bound);
                buffer_printf(&bound, "%g", buckets->bounds[i]);
                add_bucket(out, name, labels, bound.data, below);
        }
        buffer_fini(&bound);
        add_bucket(out, name, labels, "+Inf", histogram->count);
        metric_add_name(out, name, "_sum", labels);
        buffer_printf(out, " %.15g\n", histogram->sum);
        metric_add_name(out, name, "_count", labels);
        buffer_printf(out, " %" PRIu64 "\n", histogram->count);
}
