#include "core/memory/memory.h"
#include "core/watch/metrics_text.h"
#include "io/machine/clock.h"
#include "run/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The planners that the configuration names, one for each type. */

static struct type_planner *type_planner_new(struct engine *engine, const struct config_handler *settings)
{
        const struct config_outlet *mail = &engine->config->mail;
        struct type_planner *made = memory_zeroed(1, sizeof(*made));
        size_t size = strlen(settings->type) + 1;
        made->engine = engine;
        made->type = memcpy(memory_raw(size), settings->type, size);
        made->planner = planner_open(&engine->loop, settings);
        breaker_init(&made->breaker, mail->breaker.failures, mail->breaker.open_ms,
                     mail->breaker.open_max_ms);
        return made;
}

static void forget_visit(struct delivery *delivery, void *planner)
{
        if (delivery->planner != planner)
                return;
        snprintf(delivery->error, sizeof(delivery->error), "planner: it was configured anew");
        tally_forget_planner(delivery);
        delivery_event(delivery,
                       &(struct job_event){.kind = EVENT_UNPLANNED, .outage = true, .retry_after_ms = -1});
}

static void type_planner_close(struct type_planner *planner)
{
        inflight_each(planner->engine, forget_visit, planner);
        planner_close(planner->planner);
        free(planner->type);
        free(planner);
}

static bool is_planned(const struct config_handler *settings)
{
        return settings->plan.url || settings->plan.exec_count > 0;
}

static const struct config_handler *settings_of(const struct engine *engine,
                                                const struct type_planner *planner)
{
        const struct config_handler *settings = config_handler_find(engine->config, planner->type);
        return settings && is_planned(settings) && planner_is(planner->planner, settings) ? settings : NULL;
}

static bool has_planner(const struct engine *engine, const char *type)
{
        for (size_t i = 0; i < engine->planner_count; i++)
                if (strcmp(engine->planners[i]->type, type) == 0)
                        return true;
        return false;
}

/* Those whose settings stayed go on. */
void planners_configure(struct engine *engine)
{
        size_t kept = 0, count = engine->planner_count;
        struct type_planner *gone[CONFIG_HANDLERS_MAX];
        size_t gone_count = 0;
        for (size_t i = 0; i < count; i++) {
                struct type_planner *planner = engine->planners[i];
                if (settings_of(engine, planner))
                        engine->planners[kept++] = planner;
                else
                        gone[gone_count++] = planner;
        }
        engine->planner_count = kept;
        for (size_t i = 0; i < gone_count; i++)
                type_planner_close(gone[i]);
        for (size_t i = 0; i < engine->config->handler_count; i++) {
                const struct config_handler *settings = &engine->config->handlers[i];
                if (is_planned(settings) && !has_planner(engine, settings->type))
                        engine->planners[engine->planner_count++] = type_planner_new(engine, settings);
        }
}

/* Nobody is told: the jobs are at their end, or belong to the broker again. */
static void drop_visit(struct delivery *delivery, void *context)
{
        (void)context;
        if (delivery->ask)
                tally_forget_planner(delivery);
}

void planners_close(struct engine *engine)
{
        inflight_each(engine, drop_visit, NULL);
        for (size_t i = 0; i < engine->planner_count; i++) {
                planner_close(engine->planners[i]->planner);
                free(engine->planners[i]->type);
                free(engine->planners[i]);
        }
        engine->planner_count = 0;
}

/* Who waits for a planner longer than a job may take is put off, as who waits for an outlet. */
static void late_visit(struct delivery *delivery, void *now)
{
        const int64_t *now_ms = now;
        bool waits = delivery->ask && !planner_ask_began(delivery->ask);
        if (!waits || *now_ms - delivery->job.claimed_ms < delivery->job.timeout_ms)
                return;
        snprintf(delivery->error, sizeof(delivery->error), "planner: it was busy with others for too long");
        delivery_event(delivery, &(struct job_event){.kind = EVENT_DEFER});
}

void planners_look(struct engine *engine, int64_t now_ms)
{
        if (engine->planner_count > 0)
                inflight_each(engine, late_visit, &now_ms);
}

/* ---- what is shown of them ---- */

struct planner_metric {
        const char *name, *help;
        enum metrics_kind kind;
        const char *state; /* a label more; NULL: none */
        uint64_t (*value)(const struct planner_numbers *numbers);
};

static uint64_t planner_programs(const struct planner_numbers *numbers)
{
        return numbers->running;
}

static uint64_t planner_starts(const struct planner_numbers *numbers)
{
        return numbers->starts;
}

static uint64_t planner_under_way(const struct planner_numbers *numbers)
{
        return numbers->under_way;
}

static uint64_t planner_waiting(const struct planner_numbers *numbers)
{
        return numbers->waiting;
}

static void planner_metric_add(const struct engine *engine, const struct planner_metric *metric,
                               struct buffer *out)
{
        for (size_t i = 0; i < engine->planner_count; i++) {
                struct planner_numbers numbers = planner_numbers(engine->planners[i]->planner);
                struct buffer labels = {0};
                buffer_add_text(&labels, "type=\"");
                metrics_add_label_value(&labels, engine->planners[i]->type);
                buffer_add_char(&labels, '"');
                if (metric->state)
                        buffer_printf(&labels, ",state=\"%s\"", metric->state);
                metrics_add_count(out, metric->name, labels.data, metric->value(&numbers));
                buffer_fini(&labels);
        }
}

void planners_render(const struct engine *engine, struct buffer *out)
{
        static const struct planner_metric metrics[] = {
                {"leveret_planner_programs", "Programs that run to plan jobs of the type.", METRICS_GAUGE,
                 NULL, planner_programs},
                {"leveret_planner_starts_total", "Starts of such a program.", METRICS_COUNTER, NULL,
                 planner_starts},
                {"leveret_planner_questions", "Jobs whose plan is being made, and that wait for a place.",
                 METRICS_GAUGE, "under_way", planner_under_way},
                {"leveret_planner_questions", NULL, METRICS_GAUGE, "waiting", planner_waiting}};
        for (size_t i = 0; engine->planner_count > 0 && i < sizeof(metrics) / sizeof(*metrics); i++) {
                if (metrics[i].help)
                        metrics_add_head(out, metrics[i].name, metrics[i].kind, metrics[i].help);
                planner_metric_add(engine, &metrics[i], out);
        }
}

void planners_checks(const struct engine *engine, struct buffer *out)
{
        for (size_t i = 0; i < engine->planner_count; i++) {
                const struct type_planner *planner = engine->planners[i];
                const char *trouble = planner_trouble(planner->planner);
                buffer_printf(out, "the planner of %s: %s, its breaker is %s\n", planner->type,
                              trouble[0] ? trouble : "no trouble",
                              breaker_state_word(planner->breaker.state));
        }
}
