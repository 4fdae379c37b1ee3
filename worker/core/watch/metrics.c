#include "core/watch/metrics.h"

#include "core/memory/memory.h"
#include "core/watch/metrics_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const metrics_publish_words[METRICS_PUBLISH_WORDS] = {
        "confirmed", "returned", "nacked", "unknown", "unsent", "unencodable", "other",
};

static const char *const outcome_words[METRICS_OUTCOME_COUNT] = {
#define X(name, word) [METRICS_##name] = (word),
        METRICS_OUTCOME_LIST(X)
#undef X
};

const char *metrics_outcome_word(enum metrics_outcome outcome)
{
        return outcome_words[outcome];
}

static const char *escape(struct metrics *metrics, const char *value)
{
        struct buffer text = {0};
        metrics_add_label_value(&text, value);
        const char *copy = arena_copy(&metrics->arena, text.data ? text.data : "", text.len);
        buffer_fini(&text);
        return copy;
}

static void metrics_add_queues(struct metrics *metrics, const struct metrics_labels *labels)
{
        metrics->queue_count = labels->queue_count;
        metrics->queues = arena_alloc(&metrics->arena, labels->queue_count * sizeof *metrics->queues);
        for (size_t i = 0; i < labels->queue_count; i++) {
                metrics->queues[i].name = escape(metrics, labels->queues[i]);
                metrics->queues[i].depth = metrics->queues[i].retrying = -1;
                metrics->queues[i].oldest_s = -1;
        }
}

static void add_types(struct metrics *metrics, const struct metrics_labels *labels)
{
        metrics->type_count = labels->type_count + labels->type_spare + 1;
        metrics->types = arena_alloc(&metrics->arena, metrics->type_count * sizeof *metrics->types);
        for (size_t i = 0; i < labels->type_count; i++)
                metrics->types[i].name = escape(metrics, labels->types[i]);
        metrics->types_known = labels->type_count;
        metrics->types[metrics->type_count - 1].name = "other";
}

size_t metrics_type(struct metrics *metrics, const char *type)
{
        const char *name = escape(metrics, type);
        for (size_t i = 0; i < metrics->types_known; i++)
                if (strcmp(metrics->types[i].name, name) == 0)
                        return i;
        if (metrics->types_known + 1 == metrics->type_count)
                return METRICS_TYPE_OTHER;
        metrics->types[metrics->types_known].name = name;
        return metrics->types_known++;
}

static void add_lanes(struct metrics *metrics)
{
        size_t pairs = metrics->queue_count * metrics->type_count;
        metrics->lane_of = arena_alloc(&metrics->arena, pairs * sizeof *metrics->lane_of);
        metrics->lane_limit = pairs < METRICS_LANES_MAX ? pairs : METRICS_LANES_MAX;
        metrics->lanes = arena_alloc(&metrics->arena,
                                     (metrics->lane_limit + metrics->queue_count) * sizeof *metrics->lanes);
}

static void metrics_add_outlets(struct metrics *metrics, const struct metrics_labels *labels)
{
        metrics->outlet_count = labels->outlet_count;
        metrics->outlets = arena_alloc(&metrics->arena, labels->outlet_count * sizeof *metrics->outlets);
        for (size_t i = 0; i < labels->outlet_count; i++) {
                metrics->outlets[i].name = escape(metrics, labels->outlets[i]);
                metrics->outlets[i].transport = escape(metrics, labels->transports[i]);
        }
}

struct metrics *metrics_new(const struct metrics_labels *labels)
{
        struct metrics *metrics = memory_zeroed(1, sizeof *metrics);
        arena_init(&metrics->arena);
        metrics->version = escape(metrics, labels->version);
        metrics_add_queues(metrics, labels);
        add_types(metrics, labels);
        metrics_add_outlets(metrics, labels);
        add_lanes(metrics);
        return metrics;
}

void metrics_free(struct metrics *metrics)
{
        if (!metrics)
                return;
        arena_fini(&metrics->arena);
        free(metrics);
}

static struct lane *open_lane(struct metrics *metrics, size_t queue, size_t type)
{
        size_t other = metrics->type_count - 1;
        if (type != other && metrics->lane_count >= metrics->lane_limit)
                type = other;
        uint16_t *slot = &metrics->lane_of[queue * metrics->type_count + type];
        if (*slot == 0) {
                metrics->lanes[metrics->lane_count] = (struct lane){.queue = queue, .type = type};
                *slot = (uint16_t)++metrics->lane_count;
        }
        return &metrics->lanes[*slot - 1];
}

static struct lane *lane_find(struct metrics *metrics, size_t queue, size_t type)
{
        uint16_t slot = metrics->lane_of[queue * metrics->type_count + type];
        return slot ? &metrics->lanes[slot - 1] : open_lane(metrics, queue, type);
}

static void note_end(struct type_numbers *type, enum metrics_outcome outcome, double now_s)
{
        switch (outcome) {
        case METRICS_COMPLETED:
                type->last_success_s = now_s;
                type->consecutive_failures = 0;
                return;
        case METRICS_RETRY:
        case METRICS_DEAD:
                type->consecutive_failures++;
                return;
        case METRICS_DUPLICATE:
        case METRICS_CANCELLED:
        case METRICS_STALE:
        case METRICS_BUSY:
        case METRICS_DEFER:
        case METRICS_SCHEDULE:
        case METRICS_RETURNED:
        case METRICS_FORGOTTEN:
        case METRICS_OUTCOME_COUNT:
                return;
        }
}

void metrics_message_end(struct metrics *metrics, const struct metrics_end *end)
{
        assert(end->queue < metrics->queue_count);
        size_t type = end->type < metrics->type_count ? end->type : metrics->type_count - 1;
        struct lane *lane = lane_find(metrics, end->queue, type);
        lane->ends[end->outcome]++;
        if (end->duration_s >= 0)
                histogram_add(&lane->duration, &metrics_process_buckets, end->duration_s);
        note_end(&metrics->types[type], end->outcome, end->at_s);
}

void metrics_queue_wait(struct metrics *metrics, size_t queue, double wait_s)
{
        assert(queue < metrics->queue_count);
        histogram_add(&metrics->queues[queue].wait, &metrics_wait_buckets, wait_s);
}

void metrics_dead_letter(struct metrics *metrics, size_t queue, enum reason reason)
{
        assert(queue < metrics->queue_count && reason > REASON_NONE && reason < REASON_COUNT);
        metrics->queues[queue].dead_letters[reason]++;
}

void metrics_claim(struct metrics *metrics, enum claim_answer answer)
{
        metrics->claims[answer]++;
}

void metrics_mail_end(struct metrics *metrics, size_t outlet, enum send_outcome outcome, double duration_s)
{
        histogram_add(&metrics->outlets[outlet].sends[outcome], &metrics_process_buckets, duration_s);
}

void metrics_mail_refused(struct metrics *metrics, size_t outlet, size_t recipients)
{
        metrics->outlets[outlet].refused_recipients += recipients;
}

void metrics_mail_look(struct metrics *metrics, size_t outlet, enum look_answer answer)
{
        metrics->outlets[outlet].looks[answer]++;
}

void metrics_set_share(struct metrics *metrics, size_t outlet, const struct metrics_share *share)
{
        metrics->outlets[outlet].share = *share;
}

void metrics_publish_end(struct metrics *metrics, const char *word)
{
        size_t i = 0;
        while (i < METRICS_PUBLISH_WORDS - 1 && strcmp(metrics_publish_words[i], word) != 0)
                i++;
        metrics->published[i]++;
}

void metrics_loop_callback(struct metrics *metrics, double cpu_s)
{
        histogram_add(&metrics->loop, &metrics_loop_buckets, cpu_s);
        if (cpu_s > metrics->loop_max_s)
                metrics->loop_max_s = cpu_s;
}

void metrics_connection(struct metrics *metrics, enum metrics_connection connection, bool up)
{
        if (metrics->up[connection] && !up)
                metrics->losses[connection]++;
        metrics->up[connection] = up;
}

void metrics_set_connection(struct metrics *metrics, enum metrics_connection connection, bool up,
                            uint64_t losses)
{
        metrics->up[connection] = up;
        metrics->losses[connection] = losses;
}

void metrics_set_breaker(struct metrics *metrics, size_t outlet, enum breaker_state state, uint64_t openings)
{
        metrics->outlets[outlet].breaker = state;
        metrics->outlets[outlet].openings = openings;
}

void metrics_set_in_flight(struct metrics *metrics, size_t queue, size_t messages)
{
        assert(queue < metrics->queue_count);
        metrics->queues[queue].in_flight = messages;
}

void metrics_set_in_flight_total(struct metrics *metrics, size_t bytes, double oldest_s)
{
        metrics->in_flight_bytes = bytes;
        metrics->oldest_s = oldest_s;
}

void metrics_set_queue_depth(struct metrics *metrics, size_t queue, int64_t messages)
{
        assert(queue < metrics->queue_count);
        metrics->queues[queue].depth = messages;
}

void metrics_set_queue_retrying(struct metrics *metrics, size_t queue, int64_t messages)
{
        assert(queue < metrics->queue_count);
        metrics->queues[queue].retrying = messages;
}

void metrics_set_queue_oldest(struct metrics *metrics, size_t queue, double oldest_s)
{
        assert(queue < metrics->queue_count);
        metrics->queues[queue].oldest_s = oldest_s;
}

void metrics_set_consuming(struct metrics *metrics, size_t queue, bool consuming)
{
        assert(queue < metrics->queue_count);
        metrics->queues[queue].consuming = consuming;
}

void metrics_set_stuck_jobs(struct metrics *metrics, size_t jobs)
{
        metrics->stuck_jobs = jobs;
}

void metrics_set_ready(struct metrics *metrics, bool ready)
{
        metrics->ready = ready;
}

void metrics_set_log_lines_dropped(struct metrics *metrics, uint64_t lines)
{
        metrics->log_lines_dropped = lines;
}

void metrics_set_process(struct metrics *metrics, const struct metrics_process *process)
{
        metrics->process = *process;
}
