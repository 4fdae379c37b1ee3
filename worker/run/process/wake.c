#include "run/state.h"

/* While it is active the loop does not wait: the look comes at once. */
static void wake_on_soon(uv_idle_t *idle)
{
        (void)idle;
}

/* That the loop turns is all that is needed. */
static void wake_on_timer(uv_timer_t *timer)
{
        (void)timer;
}

void wake_open(struct engine *engine)
{
        uv_timer_init(&engine->loop, &engine->wake.timer);
        uv_idle_init(&engine->loop, &engine->wake.soon);
}

void wake_close(struct engine *engine)
{
        uv_close((uv_handle_t *)&engine->wake.timer, NULL);
        uv_close((uv_handle_t *)&engine->wake.soon, NULL);
}

void wake_soon(struct engine *engine)
{
        if (engine->life.stage ==
            STAGE_ENDED) /* nothing is looked at any more, and its handles may be closing */
                return;
        if (!engine->wake.looking && !uv_is_active((uv_handle_t *)&engine->wake.soon))
                uv_idle_start(&engine->wake.soon, wake_on_soon);
}

void wake_looking(struct engine *engine)
{
        engine->wake.looking = true;
        engine->wake.again = false;
        uv_idle_stop(&engine->wake.soon);
}

void wake_looked(struct engine *engine, int64_t wait_ms)
{
        engine->wake.looking = false;
        if (engine->wake.again) /* not a timer of no time: libuv would run it again in this same turn */
                uv_idle_start(&engine->wake.soon, wake_on_soon);
        if (wait_ms >= 0)
                uv_timer_start(&engine->wake.timer, wake_on_timer, (uint64_t)wait_ms, 0);
}
