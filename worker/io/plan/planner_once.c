#include "io/plan/planner_once.h"
#include "core/plan/registry.h"
#include "core/types/planned_type.h"
#include "io/machine/clock.h"

#include <stdlib.h>

struct once {
        const struct handler *mail;
        struct plan **plan;
        struct faults *faults;
        bool done;
        enum plan_outcome outcome;
};

static void on_once_answer(void *context, const struct planner_answer *answer)
{
        struct once *once = context;
        once->done = true;
        if (answer->end == PLANNER_ANSWERED) {
                once->outcome = plan_answer_read(once->mail, answer->answer, once->plan, once->faults);
                return;
        }
        faults_add(once->faults, "%s", answer->error);
        if (answer->end == PLANNER_GARBAGE)
                once->outcome = PLAN_BAD_PLAN;
        else
                once->outcome = answer->end == PLANNER_REFUSED ? PLAN_REJECTED : PLAN_PLANNERS;
}

enum plan_outcome planner_once(const struct config_handler *settings, const struct plan_question *question,
                               const struct handler *mail, struct plan **plan, struct faults *faults)
{
        uv_loop_t loop;
        struct once once = {.mail = mail, .plan = plan, .faults = faults, .outcome = PLAN_PLANNERS};
        struct config_handler alone = *settings;
        alone.plan.processes = 1;
        if (uv_loop_init(&loop) != 0)
                abort();
        struct planner *planner = planner_open(&loop, &alone);
        if (!planner_ask(planner, question, on_once_answer, &once)) {
                faults_add(faults, "%s", planner_trouble(planner));
                once.done = true;
        }
        while (!once.done)
                uv_run(&loop, UV_RUN_ONCE);
        planner_close(planner);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        return once.outcome;
}

enum plan_outcome plan_anyhow(const struct handler *handler, const json_t *payload, struct plan **plan,
                              struct faults *faults)
{
        enum plan_outcome outcome = plan_build(handler, payload, plan, faults);
        if (outcome != PLAN_PLANNERS)
                return outcome;
        struct buffer text = {0};
        json_write(&text, payload, JSON_COMPACT | JSON_ENCODE_ANY);
        struct plan_question question = {.id = "plan",
                                         .type = handler->type,
                                         .time_ms = clock_wall_ms(),
                                         .data = {.data = text.data, .len = text.len}};
        outcome = planner_once(handler_planner(handler), &question,
                               handler_find(handlers, SLICE_LITERAL("email.send.v1")), plan, faults);
        buffer_fini(&text);
        return outcome;
}
