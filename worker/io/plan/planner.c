#include "core/memory/memory.h"
#include "io/plan/planner_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Questions that wait, and what is made of answers. */

static char *copy_if(const char *text)
{
        return text && text[0] ? memory_text(text) : NULL;
}

static void settings_free(struct config_plan *settings)
{
        for (size_t i = 0; i < CONFIG_PLAN_TEXTS; i++)
                free((char *)(uintptr_t)*config_plan_text(settings, i));
}

static void ask_free(struct planner_ask *ask)
{
        buffer_fini(&ask->text);
        free(ask->id);
        free(ask->traceparent);
        free(ask->tracestate);
        free(ask);
}

void planner_close(struct planner *planner)
{
        struct planner_ask *ask;
        planner->closing = true;
        while ((ask = TAILQ_FIRST(&planner->waiting))) {
                TAILQ_REMOVE(&planner->waiting, ask, entry);
                ask_free(ask);
        }
        planner->kind->close(planner);
}

void planner_free(struct planner *planner)
{
        settings_free(&planner->settings);
        free(planner->type);
        free(planner);
}

struct planner_ask *planner_ask(struct planner *planner, const struct plan_question *question,
                                planner_done *done, void *context)
{
        if (planner->trouble[0] && planner->running == 0)
                return NULL;
        struct planner_ask *ask = memory_zeroed(1, sizeof(*ask));
        ask->planner = planner;
        ask->id = memory_text(question->id);
        ask->traceparent = copy_if(question->traceparent);
        ask->tracestate = copy_if(question->tracestate);
        ask->done = done;
        ask->context = context;
        planner->kind->question(&ask->text, question);
        TAILQ_INSERT_TAIL(&planner->waiting, ask, entry);
        planner->waiting_count++;
        planner_dispatch(planner);
        return ask;
}

void planner_dispatch(struct planner *planner)
{
        struct planner_ask *ask;
        while (!planner->closing && (ask = TAILQ_FIRST(&planner->waiting))) {
                TAILQ_REMOVE(&planner->waiting, ask, entry);
                if (!planner->kind->take(planner, ask)) {
                        TAILQ_INSERT_HEAD(&planner->waiting, ask, entry);
                        return;
                }
                planner->waiting_count--;
                planner->under_way++;
                ask->began = true;
        }
}

bool planner_ask_began(const struct planner_ask *ask)
{
        return ask->began;
}

void planner_ask_forget(struct planner_ask *ask)
{
        ask->done = NULL;
        if (ask->began)
                return;
        TAILQ_REMOVE(&ask->planner->waiting, ask, entry);
        ask->planner->waiting_count--;
        ask_free(ask);
}

void planner_end(struct planner_ask *ask, const struct planner_answer *answer)
{
        struct planner *planner = ask->planner;
        planner->under_way--;
        if (ask->done && !planner->closing)
                ask->done(ask->context, answer);
        ask_free(ask);
        planner_dispatch(planner);
}

void planner_end_waiting(struct planner *planner, const struct planner_answer *answer)
{
        struct planner_asks lost;
        struct planner_ask *ask;
        TAILQ_INIT(&lost);
        TAILQ_CONCAT(&lost, &planner->waiting, entry);
        planner->under_way += planner->waiting_count;
        planner->waiting_count = 0;
        TAILQ_FOREACH(ask, &lost, entry)
        {
                ask->began = true; /* so that nobody takes it out while the others are told */
        }
        while ((ask = TAILQ_FIRST(&lost))) {
                TAILQ_REMOVE(&lost, ask, entry);
                planner_end(ask, answer);
        }
}

/* Is it the answer to this question? */
static bool id_fits(const struct planner_ask *ask, const json_t *answer, bool required)
{
        const json_t *id = json_object_get(answer, "id");
        return id ? slice_is(json_text(id), ask->id) : !required;
}

json_t *planner_answer_parse(const struct planner_ask *ask, struct slice text, bool id_required,
                             char error[PLANNER_ERROR_MAX])
{
        char cause[JSON_CAUSE_MAX];
        json_t *value = json_parse(text, cause);
        if (!value) {
                snprintf(error, PLANNER_ERROR_MAX, "no JSON: %.200s", cause);
                return NULL;
        }
        if (id_fits(ask, value, id_required))
                return value;
        snprintf(error, PLANNER_ERROR_MAX, "/id: expected that of the question");
        json_decref(value);
        return NULL;
}

void planner_end_value(struct planner_ask *ask, json_t *value, const char *error)
{
        planner_end(ask, &(struct planner_answer){.end = value ? PLANNER_ANSWERED : PLANNER_GARBAGE,
                                                  .answer = value,
                                                  .error = error,
                                                  .retry_after_ms = -1});
        json_decref(value);
}

const char *planner_trouble(const struct planner *planner)
{
        return planner->running == 0 ? planner->trouble : "";
}

struct planner_numbers planner_numbers(const struct planner *planner)
{
        return (struct planner_numbers){.running = planner->running,
                                        .under_way = planner->under_way,
                                        .waiting = planner->waiting_count,
                                        .starts = planner->starts};
}
