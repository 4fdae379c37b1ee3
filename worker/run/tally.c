#include "io/log/fatal_signal.h"
#include "run/state.h"

/* Bodies in flight above which nothing more is read, and below which reading goes on. */
#define BODY_BYTES_MAX ((size_t)64 << 20)
#define BODY_BYTES_LOW ((size_t)48 << 20)

void tally_bytes(struct engine *engine)
{
        struct inflight *inflight = &engine->inflight;
        bool held = inflight->body_bytes > (inflight->reading_held ? BODY_BYTES_LOW : BODY_BYTES_MAX);
        if (held == inflight->reading_held || engine->life.stage == STAGE_ENDED)
                return;
        inflight->reading_held = held;
        amqp_consumer_hold(engine->consumer, held);
}

void tally_forget_planner(struct delivery *delivery)
{
        planner_ask_forget(delivery->ask);
        if (delivery->plan_probe)
                breaker_withdraw(&delivery->planner->breaker);
        delivery->ask = NULL;
        delivery->planner = NULL;
        delivery->pending--;
}

void tally_step(struct delivery *delivery)
{
        struct gate *gate = &delivery->engine->gate;
        const struct job *job = &delivery->job;
        bool active = job->phase >= JOB_CLAIMING && job->phase <= JOB_DECIDING;
        if (active != delivery->active) {
                delivery->active = active;
                gate->active += active ? 1 : (size_t)-1;
        }
        if (!active && gate->alone == delivery) {
                gate->alone = NULL;
                fatal_signal_alone(NULL);
        }
        if (delivery->ask && job->phase != JOB_PLANNING)
                tally_forget_planner(delivery);
        if (delivery->place.held && !job_has_place(job))
                outlet_give(delivery->outlet, &delivery->place);
        bool listed = job->phase == JOB_HELD || job->phase == JOB_WAITING;
        if (!listed)
                inflight_list(delivery, LIST_NONE);
}
