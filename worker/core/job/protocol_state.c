#include "core/job/protocol.h"

/* Words for people, the order of generations, and what a job is by its phase. */

static const char *const claim_words[CLAIM_ANSWER_COUNT] = {
        [CLAIM_NEW] = "new",           [CLAIM_RESUMED] = "resumed",     [CLAIM_MINE] = "mine",
        [CLAIM_DONE] = "done",         [CLAIM_CANCELLED] = "cancelled", [CLAIM_STALE] = "stale",
        [CLAIM_CONFLICT] = "conflict", [CLAIM_FIRST] = "first",         [CLAIM_BUSY] = "busy",
        [CLAIM_WAITING] = "waiting",   [CLAIM_DEAD] = "dead",           [CLAIM_SUSPECT] = "suspect",
        [CLAIM_CRASHED] = "crashed",
};

static const char *const phase_words[JOB_PHASE_COUNT] = {
        [JOB_HELD] = "held",
        [JOB_CLAIMING] = "claiming",
        [JOB_PLANNING] = "planning",
        [JOB_KEEPING] = "keeping",
        [JOB_WAITING] = "waiting",
        [JOB_LOOKING] = "looking",
        [JOB_INTENDING] = "intending",
        [JOB_FENCING] = "fencing",
        [JOB_SENDING] = "sending",
        [JOB_RECORDING] = "recording",
        [JOB_COMPLETING] = "completing",
        [JOB_DECIDING] = "deciding",
        [JOB_PUBLISHING] = "publishing",
        [JOB_SETTLING] = "settling",
        [JOB_DELAYING] = "delaying",
        [JOB_TELLING] = "telling",
        [JOB_ENDED] = "ended",
};

const char *claim_answer_word(enum claim_answer answer)
{
        return claim_words[answer];
}

const char *job_change_word(enum job_change change)
{
        static const char *const words[JOB_CHANGE_COUNT] = {[CHANGE_COMPLETED] = "completed",
                                                            [CHANGE_DEAD] = "dead",
                                                            [CHANGE_RETRYING] = "retrying",
                                                            [CHANGE_CANCELLED] = "cancelled"};
        return words[change];
}

const char *job_phase_word(enum job_phase phase)
{
        return phase_words[phase];
}

const char *job_decision_word(enum job_decision_kind kind)
{
        static const char *const words[] = {"", "retry", "defer", "dead", "schedule"};
        return words[kind];
}

static int compare(uint32_t a, uint32_t b)
{
        return a < b ? -1 : a > b;
}

int job_generation_compare(struct job_generation a, struct job_generation b)
{
        int order = compare(a.redrives, b.redrives);
        if (order == 0)
                order = compare(a.attempt, b.attempt);
        return order ? order : compare(a.deferrals, b.deferrals);
}

void job_init(struct job *job, const struct job *constants)
{
        *job = (struct job){
                .phase = JOB_HELD,
                .epoch = constants->epoch,
                .tag = constants->tag,
                .live = true,
                .recorded = constants->recorded,
                .copyable = constants->copyable,
                .refused = constants->refused,
                .came = constants->came,
                .generation = constants->came,
                .attempts_max = constants->attempts_max,
                .lease_ms = constants->lease_ms,
                .send_limit_ms = constants->send_limit_ms,
                .timeout_ms = constants->timeout_ms,
                .plan_deaths_max = constants->plan_deaths_max,
                .tells = constants->tells,
                .decision = {.tier = -1},
        };
}

bool job_has_place(const struct job *job)
{
        return job->phase == JOB_LOOKING || job->phase == JOB_INTENDING || job->phase == JOB_FENCING ||
               job->phase == JOB_SENDING;
}

bool job_started(const struct job *job)
{
        return job->phase != JOB_HELD;
}

bool job_leased(const struct job *job)
{
        return job->recorded && job->phase > JOB_CLAIMING && job->phase < JOB_SETTLING;
}

struct job_generation job_decision_generation(const struct job *job)
{
        struct job_generation generation = job->generation;
        if (job->decision.kind == DECISION_RETRY) {
                generation.attempt++;
                generation.deferrals = 0;
        } else if (job->decision.kind == DECISION_DEFER || job->decision.kind == DECISION_SCHEDULE) {
                generation.deferrals++;
        }
        return generation;
}
