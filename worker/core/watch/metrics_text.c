#include "core/watch/metrics_text.h"

#include "core/text/utf8.h"

#include <inttypes.h>

/* The bounds that OpenTelemetry advises for messaging.process.duration, with two below, as most of our work
 * takes less than 5 ms, and two above, up to the default time-out of a handler. */
#define BOUND(number)                                                                                        \
        {                                                                                                    \
                number, #number                                                                              \
        }
const struct histogram_buckets metrics_process_buckets = {
        .count = 18,
        .bounds = {BOUND(0.001), BOUND(0.0025), BOUND(0.005), BOUND(0.01), BOUND(0.025), BOUND(0.05),
                   BOUND(0.075), BOUND(0.1), BOUND(0.25), BOUND(0.5), BOUND(0.75), BOUND(1), BOUND(2.5),
                   BOUND(5), BOUND(7.5), BOUND(10), BOUND(30), BOUND(60)},
};
const struct histogram_buckets metrics_wait_buckets = {
        .count = 13,
        .bounds = {BOUND(0.005), BOUND(0.025), BOUND(0.1), BOUND(0.5), BOUND(1), BOUND(5), BOUND(15),
                   BOUND(60), BOUND(300), BOUND(1800), BOUND(7200), BOUND(28800), BOUND(86400)},
};
const struct histogram_buckets metrics_loop_buckets = {
        .count = 11,
        .bounds = {BOUND(1e-05), BOUND(0.0001), BOUND(0.0005), BOUND(0.001), BOUND(0.005), BOUND(0.01),
                   BOUND(0.05), BOUND(0.1), BOUND(0.5), BOUND(1), BOUND(5)},
};
#undef BOUND

void histogram_add(struct histogram *histogram, const struct histogram_buckets *buckets, double value)
{
        if (!(value > 0))
                value = 0;
        size_t i = 0;
        while (i < buckets->count && value > buckets->bounds[i].value)
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

/* A page has hundreds of these lines, and the loop waits for it: no format is read for each. */
static void add_bucket(struct buffer *out, const struct buffer *head, const char *bound, uint64_t count)
{
        buffer_add(out, head->data, head->len);
        buffer_add_text(out, bound);
        buffer_add_text(out, "\"} ");
        buffer_add_integer(out, (int64_t)count);
        buffer_add_text(out, "\n");
}

static void add_buckets(struct buffer *out, const struct buffer *head,
                        const struct histogram_buckets *buckets, const struct histogram *histogram)
{
        uint64_t below = 0;
        for (size_t i = 0; i < buckets->count; i++) {
                below += histogram->counts[i];
                add_bucket(out, head, buckets->bounds[i].text, below);
        }
        add_bucket(out, head, "+Inf", histogram->count);
}

void metrics_add_histogram(struct buffer *out, const char *name, const char *labels,
                           const struct histogram_buckets *buckets, const struct histogram *histogram)
{
        struct buffer head = {0};
        buffer_printf(&head, "%s_bucket{%s%sle=\"", name, labels, labels[0] ? "," : "");
        add_buckets(out, &head, buckets, histogram);
        buffer_fini(&head);
        metric_add_name(out, name, "_sum", labels);
        buffer_printf(out, " %.15g\n", histogram->sum);
        metric_add_name(out, name, "_count", labels);
        buffer_printf(out, " %" PRIu64 "\n", histogram->count);
}
