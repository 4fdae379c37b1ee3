#include "io/plan/planner.h"

#include <stdlib.h>

/* io/plan/planner.h where no type has a planner. */

struct planner *planner_open(uv_loop_t *loop, const struct config_handler *settings)
{
        (void)loop, (void)settings;
        abort();
}

bool planner_is(const struct planner *planner, const struct config_handler *settings)
{
        (void)planner, (void)settings;
        abort();
}

void planner_close(struct planner *planner)
{
        (void)planner;
        abort();
}

struct planner_ask *planner_ask(struct planner *planner, const struct plan_question *question,
                                planner_done *done, void *context)
{
        (void)planner, (void)question, (void)done, (void)context;
        abort();
}

bool planner_ask_began(const struct planner_ask *ask)
{
        (void)ask;
        abort();
}

void planner_ask_forget(struct planner_ask *ask)
{
        (void)ask;
        abort();
}

const char *planner_trouble(const struct planner *planner)
{
        (void)planner;
        abort();
}
