#include "core/mail/mail_guard.h"
#include "core/send/mail_look.h"
#include "core/text/units.h"
#include "core/text/word.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/process_usage.h"
#include "run/schedules.h"
#include "run/send.h"
#include "run/spans.h"
#include "run/state.h"
#include "run/telling.h"

#include <inttypes.h>
#include <stdio.h>

/* What the admin server shows. Rendered on the loop, so that all of it is of one moment. */

/* Adds what a service that is down said last. */
static void add_trouble(struct buffer *out, const struct engine *engine, enum obstacle obstacle)
{
        char text[AMQP_ERROR_MAX] = "";
        if (obstacle == OBSTACLE_BROKER_DOWN)
                snprintf(text, sizeof(text), "%s", amqp_consumer_trouble(engine->consumer));
        else if (obstacle == OBSTACLE_PUBLISHER_DOWN)
                amqp_publisher_trouble(engine->publisher, text);
        else if (obstacle == OBSTACLE_REDIS_DOWN)
                redis_store_trouble(engine->store, text);
        buffer_printf(out, "%s%s", text[0] ? ": " : "", text);
}

/* Adds those of the set that are in `mask`, one a line; returns how many. */
static size_t add_obstacles(struct buffer *out, uint32_t set, uint32_t mask, const char *name)
{
        size_t count = 0;
        for (uint32_t left = set & mask; left; left &= left - 1) {
                obstacle_print(out, obstacle_first(left), name);
                buffer_add_char(out, '\n');
                count++;
        }
        return count;
}

/* Adds the reasons why no work is taken, one a line; returns how many. A pause by an operator is none. */
static size_t unready(struct engine *engine, struct buffer *out)
{
        size_t count = 0;
        for (uint32_t left = obstacles_of_engine(engine) & OBSTACLES_OF_ENGINE; left; left &= left - 1) {
                obstacle_print(out, obstacle_first(left), NULL);
                add_trouble(out, engine, obstacle_first(left));
                buffer_add_char(out, '\n');
                count++;
        }
        uint32_t breaker = OBSTACLE_BIT(BREAKER_OPEN) | OBSTACLE_BIT(BREAKER_HALF_OPEN);
        for (size_t i = 0; i < engine->outlet_count; i++)
                if (!route_is_covered(engine, i))
                        count += add_obstacles(out, obstacles_of_outlet(engine, i), breaker,
                                               engine->outlets[i].config->name);
        uint32_t consuming = OBSTACLE_BIT(QUEUE_LOST) | OBSTACLE_BIT(NOT_CONSUMING) | OBSTACLE_BIT(KEPT);
        for (size_t i = 0; i < engine->config->queue_count; i++)
                count += add_obstacles(out, obstacles_of_queue(engine, i), consuming,
                                       engine->config->queues[i].name);
        return count;
}

/* What was looked at, all of it well. */
static void add_checks(const struct engine *engine, struct buffer *out)
{
        buffer_add_text(out, "the broker connection is up\nthe publisher's connection is up\n");
        buffer_add_text(
                out,
                redis_store_keeps_unknown(engine->store)
                        ? "redis takes writes; INFO is refused: it is not known whether it evicts records\n"
                        : "redis takes writes\n");
        for (size_t i = 0; i < engine->outlet_count; i++)
                buffer_printf(out, "the breaker of the %s transport is %s\n", engine->outlets[i].config->name,
                              breaker_state_word(engine->outlets[i].breaker.state));
        for (size_t i = 0; i < engine->config->queue_count; i++)
                buffer_printf(out, "queue %s: %s\n", engine->config->queues[i].name,
                              engine->queues[i].paused ? "paused by an operator" : "consuming");
        planners_checks(engine, out);
}

static void page_render_ready(struct engine *engine, bool verbose, struct buffer *body, int *status)
{
        struct buffer reasons = {0};
        size_t count = unready(engine, &reasons);
        *status = count ? 503 : 200;
        buffer_add_text(body, count ? "not ready\n" : "ready\n");
        if (verbose && count)
                buffer_add(body, reasons.data, reasons.len);
        else if (verbose)
                add_checks(engine, body);
        buffer_fini(&reasons);
}

static int64_t page_oldest_ms(const struct engine *engine)
{
        const struct delivery *first = TAILQ_FIRST(&engine->inflight.all);
        return first ? clock_boot_ms() - first->received_ms : 0;
}

static size_t bytes_in_flight(const struct engine *engine)
{
        size_t bytes = 0;
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &engine->inflight.all, all)
        {
                bytes += delivery->arena->used;
        }
        return bytes;
}

static void add_string(struct buffer *body, const char *name, const char *value)
{
        buffer_printf(body, "\"%s\":", name);
        buffer_add_json_string(body, slice_of(value));
}

static void add_count(struct buffer *body, int64_t count)
{
        if (count < 0)
                buffer_add_text(body, "null");
        else
                buffer_add_integer(body, count);
}

/* What the broker holds of the queue, as of the last look at it; null where it is not known. */
static void add_waiting(const struct engine *engine, size_t queue, struct buffer *body)
{
        const struct config_queue *config = &engine->config->queues[queue];
        buffer_add_text(body, ",\"ready\":");
        add_count(body, engine->queues[queue].ready);
        buffer_add_text(body, ",\"oldest_ms\":");
        add_count(body, depth_oldest_ms(engine, queue));
        buffer_add_text(body, ",\"retry\":{");
        for (size_t i = 0; i < config->tier_count; i++) {
                buffer_printf(body, "%s\"%s\":", i ? "," : "", config->tiers[i]);
                add_count(body, engine->queues[queue].tiers[i]);
        }
        buffer_add_char(body, '}');
}

static void page_add_queues(const struct engine *engine, struct buffer *body)
{
        buffer_add_text(body, "\"queues\":[");
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                const struct queue_state *queue = &engine->queues[i];
                uint32_t closed = gate_closed_because(engine, i);
                buffer_add_text(body, i ? ",{" : "{");
                add_string(body, "name", engine->config->queues[i].name);
                buffer_printf(body, ",\"consuming\":%s,\"prefetch\":%u,\"in_flight\":%zu,\"paused\":%s",
                              bool_word(amqp_consumer_is_consuming(engine->consumer, i)), queue->wanted,
                              queue->in_flight, bool_word(queue->paused));
                add_waiting(engine, i, body);
                if (closed) {
                        struct buffer why = {0};
                        obstacle_print(&why, obstacle_first(closed), "mail");
                        buffer_add_char(body, ',');
                        add_string(body, "closed", why.data);
                        buffer_fini(&why);
                }
                buffer_add_char(body, '}');
        }
        buffer_add_text(body, "],");
}

static void page_add_jobs(const struct engine *engine, struct buffer *body)
{
        buffer_add_text(body, "\"deliveries\":{");
        for (int i = 0; i < METRICS_OUTCOME_COUNT; i++)
                buffer_printf(body, "%s\"%s\":%" PRIu64, i ? "," : "",
                              metrics_outcome_word((enum metrics_outcome)i), engine->ends[i]);
        buffer_add_text(body, "},\"phases\":{");
        size_t phases[JOB_PHASE_COUNT] = {0};
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &engine->inflight.all, all)
        {
                phases[delivery->job.phase]++;
        }
        bool first = true;
        for (int i = 0; i < JOB_PHASE_COUNT; i++) {
                if (phases[i] == 0)
                        continue;
                buffer_printf(body, "%s\"%s\":%zu", first ? "" : ",", job_phase_word((enum job_phase)i),
                              phases[i]);
                first = false;
        }
        buffer_add_text(body, "},");
}

static size_t sending(const struct engine *engine)
{
        size_t count = 0;
        for (size_t i = 0; i < engine->outlet_count; i++)
                count += outlet_sum(engine, i).used;
        return count;
}

/* What this worker has of a rate that all share. */
static void add_share(const struct share *share, struct buffer *body)
{
        if (share->per_second <= 0)
                return;
        buffer_add_text(body, ",\"rate_shared\":{\"rate\":\"");
        rate_add(body, share->per_second);
        buffer_printf(body,
                      "\",\"held\":%zu,\"commands\":%" PRIu64 ",\"given\":%" PRIu64 ",\"used\":%" PRIu64 "}",
                      share_held(share, clock_boot_ms()), share->questions, share->given, share->used);
}

static void page_add_outlets(const struct engine *engine, struct buffer *body)
{
        buffer_add_text(body, "\"outlets\":[");
        for (size_t i = 0; i < engine->outlet_count; i++) {
                const struct outlet *outlet = &engine->outlets[i];
                uint32_t shut = outlet_shut_because(outlet, clock_boot_ms());
                buffer_add_text(body, i ? ",{" : "{");
                add_string(body, "name", outlet->config->name);
                struct outlet_sum sum = outlet_sum(engine, i);
                buffer_printf(body,
                              ",\"transport\":\"%s\",\"breaker\":\"%s\",\"failures\":%d,\"openings\":%" PRIu64
                              ",\"probes\":%" PRIu64 ",\"sending\":%zu,\"waiting\":%zu,\"origins\":%zu",
                              outlet_transport_word(outlet->config), breaker_state_word(sum.breaker->state),
                              sum.breaker->failures, sum.openings, sum.breaker->probes, sum.used, sum.waiting,
                              sum.origins);
                if (outlet->config->kind == OUTLET_MAIL)
                        buffer_printf(body, ",\"on_ambiguous\":\"%s\",\"lookup_refused\":%s",
                                      on_ambiguous_word(outlet_on_ambiguous(outlet)),
                                      outlet->look_refused ? "true" : "false");
                add_share(&outlet->share, body);
                if (shut) {
                        struct buffer why = {0};
                        obstacle_print(&why, obstacle_first(shut), outlet->config->name);
                        buffer_add_char(body, ',');
                        add_string(body, "shut", why.data);
                        buffer_fini(&why);
                }
                buffer_add_char(body, '}');
        }
        buffer_add_text(body, "],");
}

static void render_status(struct engine *engine, struct buffer *body)
{
        const struct outlet *outlet = &engine->outlets[0];
        struct buffer reasons = {0};
        size_t count = unready(engine, &reasons);
        buffer_add_char(body, '{');
        add_string(body, "worker", engine->worker);
        buffer_printf(body, ",\"version\":\"%s\",\"state\":\"%s\",\"ready\":%s,", LEVERET_VERSION,
                      engine->life.stage == STAGE_RUNNING ? "running" : "draining", bool_word(count == 0));
        add_string(body, "not_ready_because", reasons.len ? reasons.data : "");
        buffer_printf(body, ",\"started_ms\":%" PRId64 ",\"last_success_ms\":%" PRId64 ",",
                      engine->started_ms, engine->last_success_ms);
        buffer_printf(body,
                      "\"amqp\":{\"up\":%s,\"epoch\":%" PRIu64 "},\"publisher\":{\"up\":%s,\"blocked\":%s},",
                      bool_word(engine->broker.up), engine->broker.epoch,
                      bool_word(amqp_publisher_is_up(engine->publisher)),
                      bool_word(amqp_publisher_is_blocked(engine->publisher)));
        buffer_printf(body, "\"redis\":{\"up\":%s},", bool_word(redis_store_is_up(engine->store)));
        page_add_outlets(engine, body);
        buffer_printf(body,
                      "\"breaker\":{\"state\":\"%s\",\"failures\":%d,\"openings\":%" PRIu64
                      ",\"probes\":%" PRIu64 "},",
                      breaker_state_word(outlet->breaker.state), outlet->breaker.failures,
                      outlet->breaker.openings, outlet->breaker.probes);
        struct buffer guard = {0};
        mail_guard_tell(&engine->config->guard, &guard);
        add_string(body, "mail_guard", guard.len ? guard.data : "");
        buffer_add_char(body, ',');
        buffer_fini(&guard);
        spans_status(engine, body);
        page_add_queues(engine, body);
        page_add_jobs(engine, body);
        buffer_printf(body,
                      "\"in_flight\":%zu,\"sending\":%zu,\"suspects\":%s,\"oldest_in_flight_ms\":%" PRId64
                      "}\n",
                      engine->inflight.count, sending(engine),
                      TAILQ_EMPTY(&engine->gate.suspects) ? "false" : "true", page_oldest_ms(engine));
        buffer_fini(&reasons);
}

static void render_metrics(struct engine *engine, struct buffer *body)
{
        struct metrics *metrics = engine->metrics;
        struct buffer reasons = {0};
        metrics_set_ready(metrics, unready(engine, &reasons) == 0);
        buffer_fini(&reasons);
        for (size_t i = 0; i < engine->outlet_count; i++) {
                struct outlet_sum sum = outlet_sum(engine, i);
                metrics_set_breaker(metrics, i, sum.breaker->state, sum.openings);
                const struct share *share = &engine->outlets[i].share;
                metrics_set_share(metrics, i,
                                  &(struct metrics_share){.questions = share->questions,
                                                          .given = share->given,
                                                          .used = share->used,
                                                          .put_off = engine->outlets[i].put_off});
        }
        metrics_set_connection(metrics, METRICS_AMQP_PUBLISHER, amqp_publisher_is_up(engine->publisher),
                               amqp_publisher_losses(engine->publisher));
        metrics_set_in_flight_total(metrics, bytes_in_flight(engine), (double)page_oldest_ms(engine) / 1000);
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                metrics_set_in_flight(metrics, i, engine->queues[i].in_flight);
                int64_t page_oldest_ms = depth_oldest_ms(engine, i);
                metrics_set_queue_oldest(metrics, i, page_oldest_ms < 0 ? -1 : (double)page_oldest_ms / 1000);
                metrics_set_consuming(metrics, i, amqp_consumer_is_consuming(engine->consumer, i));
        }
        metrics_set_log_lines_dropped(metrics, log_dropped());
        struct metrics_process process = {.start_s = (double)engine->started_ms / 1000};
        process_usage_read(&process);
        metrics_set_process(metrics, &process);
        metrics_render(metrics, body);
        schedules_render(engine, body);
        telling_render(engine, body);
        planners_render(engine, body);
        spans_render(engine, body);
}

void pages_render(void *context, enum admin_page page, bool verbose, struct buffer *body, int *status)
{
        struct engine *engine = context;
        switch (page) {
        case ADMIN_LIVEZ:
                buffer_add_text(body, "alive\n");
                return;
        case ADMIN_READYZ:
                page_render_ready(engine, verbose, body, status);
                return;
        case ADMIN_METRICS:
                render_metrics(engine, body);
                return;
        case ADMIN_STATUS:
                render_status(engine, body);
                return;
        case ADMIN_PAGE_COUNT:
                return;
        }
}
