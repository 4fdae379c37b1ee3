#include "core/memory/memory.h"
#include "io/plan/planner_state.h"

#include <string.h>

static struct config_plan settings_copy(const struct config_plan *settings)
{
        struct config_plan copy = *settings;
        for (size_t i = 0; i < CONFIG_PLAN_TEXTS; i++) {
                const char **text = config_plan_text(&copy, i);
                *text = *text ? memory_text(*text) : NULL;
        }
        return copy;
}

struct planner *planner_open(uv_loop_t *loop, const struct config_handler *settings)
{
        struct planner *planner = memory_zeroed(1, sizeof(*planner));
        planner->loop = loop;
        planner->type = memory_text(settings->type);
        planner->settings = settings_copy(&settings->plan);
        TAILQ_INIT(&planner->waiting);
        planner->kind = settings->plan.url ? &planner_http_kind : &planner_children_kind;
        if (settings->plan.url)
                planner_http_open(planner);
        else
                planner_children_open(planner);
        return planner;
}

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool planner_is(const struct planner *planner, const struct config_handler *settings)
{
        struct config_plan mine = planner->settings, other = settings->plan;
        bool same = strcmp(planner->type, settings->type) == 0 && mine.processes == other.processes &&
                    mine.timeout_ms == other.timeout_ms && mine.exec_count == other.exec_count;
        for (size_t i = 0; same && i < CONFIG_PLAN_TEXTS; i++)
                same = same_text(*config_plan_text(&mine, i), *config_plan_text(&other, i));
        return same;
}
