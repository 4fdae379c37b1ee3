/*
 * The account and the mail: workers with the real breaker and the real protocol, against a service that
 * refuses a few mails for good, or everybody for a while. In virtual time, drawn from a seed.
 *
 * usage: account [--schedules N] [--seed S] [--expect-failure]
 */
#include "core/job/breaker.h"
#include "core/job/protocol.h"
#include "model_main.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        WORKERS_MAX = 3,
        JOBS_MAX = 60,
        PLACES_MAX = 4,
        ATTEMPTS = 3,
        OPEN_MS = 100,
        OPEN_MAX_MS = 400,
        WAIT_MS = 60, /* of a copy, to be tried again */
        HORIZON_MS = 40000,
};

enum refusal {
        REFUSES_NOBODY,
        REFUSES_SOME,     /* a few mails, in words that may be the account's */
        REFUSES_CONTENTS, /* many mails, finally and in the same words */
        REFUSES_ACCOUNT,  /* everybody, for a while */
        REFUSES_ALIKE,    /* everybody, for a while, finally and in the same words */
        REFUSES_BOTH,     /* everybody, for a while, and a few mails finally */
        REFUSAL_COUNT,
};
enum state { TO_COME, WAITING, UNDER_WAY, ACCEPTED, DEAD };

struct mail {
        enum state state;
        bool bad; /* refused for good, though the account is not */
        int64_t due_ms;
        int worker;
        bool probe;
        uint32_t attempt, deferrals;
};

struct service {
        struct random random;
        enum refusal refusal;
        int workers, jobs, places;
        int64_t failures, from_ms, to_ms; /* of the refusal of everybody */
        struct breaker breakers[WORKERS_MAX];
        struct mail mails[JOBS_MAX];
        int under_way[WORKERS_MAX], sends_refused;
        const char *fault;
};

static bool is_final(const struct service *service)
{
        return service->refusal == REFUSES_CONTENTS || service->refusal == REFUSES_BOTH;
}

static struct send_result answer(const struct service *service, const struct mail *mail, int64_t now_ms)
{
        struct send_result result = {.outcome = SEND_DONE, .retry_after_ms = -1};
        bool all = now_ms >= service->from_ms && now_ms < service->to_ms;
        if (mail->bad && is_final(service)) {
                result.outcome = SEND_PERMANENT;
                result.likeness = 7;
        } else if (mail->bad ||
                   (all && (service->refusal == REFUSES_ACCOUNT || service->refusal == REFUSES_BOTH))) {
                result.outcome = SEND_CONFIG;
                result.opens = result.doubtful = true;
        } else if (service->refusal == REFUSES_ALIKE && all) {
                result.outcome = SEND_PERMANENT;
                result.likeness = 7;
        }
        return result;
}

/* What the protocol makes of it. */
static struct job told(const struct mail *mail, const struct send_result *result, bool outage)
{
        const struct job constants = {.recorded = true,
                                      .copyable = true,
                                      .came = {.attempt = mail->attempt},
                                      .attempts_max = ATTEMPTS,
                                      .lease_ms = 1000,
                                      .send_limit_ms = 500,
                                      .timeout_ms = 1000};
        struct job job;
        struct job_actions actions;
        job_init(&job, &constants);
        job.phase = JOB_SENDING;
        job.effects_total = 1;
        job_step(&job,
                 &(struct job_event){.kind = EVENT_SENT,
                                     .outcome = result->outcome,
                                     .outage = outage,
                                     .retry_after_ms = -1},
                 &actions);
        return job;
}

static void wait_again(struct mail *mail, const struct job *job, int64_t now_ms)
{
        struct job_generation generation = job_decision_generation(job);
        mail->state = WAITING;
        mail->deferrals += job->decision.kind == DECISION_DEFER;
        mail->attempt = generation.attempt;
        mail->due_ms = now_ms + WAIT_MS;
}

/* As long as a bad one is not over, others go on to come. */
static bool come_again(struct service *service, struct mail *mail, int64_t now_ms)
{
        bool wanted = false;
        for (int i = 0; i < service->jobs; i++)
                wanted = wanted || (service->mails[i].bad && service->mails[i].state < ACCEPTED);
        if (wanted) {
                mail->state = WAITING;
                mail->due_ms = now_ms + random_between(&service->random, 20, 500);
        }
        return wanted;
}

static void send_end(struct service *service, struct mail *mail, int64_t now_ms)
{
        struct send_result result = answer(service, mail, now_ms);
        uint64_t number = (uint64_t)(mail - service->mails) + 1;
        bool outage = breaker_result(&service->breakers[mail->worker], number, mail->probe, &result, now_ms);
        struct job job = told(mail, &result, outage);
        service->under_way[mail->worker]--;
        service->sends_refused += result.outcome != SEND_DONE && !mail->bad;
        if (job.phase == JOB_COMPLETING && come_again(service, mail, now_ms))
                return;
        if (job.phase == JOB_COMPLETING)
                mail->state = ACCEPTED;
        else if (job.decision.kind == DECISION_DEAD)
                mail->state = DEAD;
        else
                wait_again(mail, &job, now_ms);
        if (mail->state == WAITING && mail->bad && is_final(service))
                service->fault = "a mail that is refused for good is put off";
}

static void send_begin(struct service *service, struct mail *mail, int64_t now_ms)
{
        int worker = (int)random_below(&service->random, (uint32_t)service->workers);
        struct breaker *breaker = &service->breakers[worker];
        breaker_tick(breaker, now_ms);
        if (service->under_way[worker] >= service->places || !breaker_admit(breaker))
                return;
        mail->worker = worker;
        mail->probe = breaker->state == BREAKER_HALF_OPEN;
        mail->state = UNDER_WAY;
        mail->due_ms = now_ms + random_between(&service->random, 1, 20);
        service->under_way[worker]++;
}

static bool turn(struct service *service, int64_t now_ms)
{
        bool over = true;
        uint32_t first = random_below(&service->random, (uint32_t)service->jobs);
        for (int i = 0; i < service->jobs; i++) {
                struct mail *mail = &service->mails[(first + (uint32_t)i) % (uint32_t)service->jobs];
                over = over && mail->state >= ACCEPTED;
                if (mail->state >= ACCEPTED || mail->due_ms > now_ms)
                        continue;
                if (mail->state == UNDER_WAY)
                        send_end(service, mail, now_ms);
                else
                        send_begin(service, mail, now_ms);
        }
        return over;
}

static void set_up(struct service *service, uint64_t seed)
{
        *service = (struct service){.random = {seed}};
        struct random *random = &service->random;
        service->refusal = (enum refusal)random_below(random, REFUSAL_COUNT);
        service->workers = 1 + (int)random_below(random, WORKERS_MAX);
        service->jobs = 30 + (int)random_below(random, JOBS_MAX - 30);
        service->places = 1 + (int)random_below(random, PLACES_MAX);
        service->failures = 2 + random_below(random, 4);
        service->from_ms = random_between(random, 0, 1000);
        service->to_ms = service->from_ms + random_between(random, 100, 4000);
        if (service->refusal == REFUSES_CONTENTS) { /* so many that they are never refused in a row */
                service->workers = 1;
                service->jobs = JOBS_MAX;
                service->failures = 10;
        }
        for (int i = 0; i < service->workers; i++)
                breaker_init(&service->breakers[i], service->failures, OPEN_MS, OPEN_MAX_MS);
        int64_t left = service->failures - 1; /* fewer than are taken for the account's */
        for (int i = 0; i < service->jobs; i++) {
                bool bad = service->refusal == REFUSES_SOME && random_one_in(random, 20);
                bad = bad || (service->refusal == REFUSES_CONTENTS && random_one_in(random, 5));
                bad = bad ||
                      (service->refusal == REFUSES_BOTH && left > 0 && random_one_in(random, 5) && left--);
                /* the bad ones come while there are others; these go on to come for long enough */
                int64_t latest_ms = bad && service->refusal == REFUSES_SOME ? 200 : 3000;
                service->mails[i] = (struct mail){.bad = bad, .due_ms = random_between(random, 0, latest_ms)};
        }
}

static void check_mail(struct service *service, const struct mail *mail, int *dead)
{
        if (mail->state < ACCEPTED)
                service->fault = "a mail has no end";
        *dead += mail->state == DEAD;
        if (!mail->bad && mail->attempt > 0)
                service->fault = "an attempt of a good mail is burnt";
        if (!mail->bad && mail->state == DEAD && service->refusal != REFUSES_ALIKE)
                service->fault = "a good mail died";
        uint32_t last = is_final(service) ? 0 : ATTEMPTS - 1;
        if (mail->bad && mail->state == DEAD && mail->attempt != last)
                service->fault = "a refused mail died before its last attempt";
}

static void check(struct service *service)
{
        int dead = 0, bad = 0;
        uint64_t openings = 0;
        for (int i = 0; i < service->workers; i++)
                openings += service->breakers[i].openings;
        for (int i = 0; i < service->jobs; i++) {
                check_mail(service, &service->mails[i], &dead);
                bad += service->mails[i].bad;
        }
        int64_t outages = service->workers * (service->refusal == REFUSES_ALIKE ? service->failures - 1 : 0);
        if (dead > bad + outages)
                service->fault = "more died of the account than may";
        if ((service->refusal == REFUSES_NOBODY || service->refusal == REFUSES_CONTENTS) && openings)
                service->fault = "a breaker opened for nothing";
        int64_t lasts_ms = service->to_ms - service->from_ms;
        /* Fewer jobs than open it may ask again each time that they come back. */
        int64_t few = (service->failures - 1) * (lasts_ms / WAIT_MS + 1);
        int64_t most =
                few + service->workers * (service->failures + service->places + lasts_ms / OPEN_MS + 1);
        if (service->sends_refused > most)
                service->fault = "a refused account is asked again and again";
        /* Before anything was accepted it opens at once, and once more for each probe that is refused by
         * itself; as many bad ones as open it may come in a row. */
        bool few_bad = service->refusal == REFUSES_SOME && bad < service->failures;
        if (few_bad && openings > (uint64_t)(service->workers * (3 + 3 * bad)))
                service->fault = "mails that are refused by themselves stop all others";
        for (int i = 0; i < service->jobs; i++)
                if (service->mails[i].bad && service->mails[i].deferrals > (uint32_t)(20 * service->workers))
                        service->fault = "a refused mail is put off without end";
}

static const char *run(uint64_t seed)
{
        static struct service service;
        set_up(&service, seed);
        for (int64_t now_ms = 0; now_ms < HORIZON_MS && !turn(&service, now_ms); now_ms += 3)
                continue;
        check(&service);
        return service.fault;
}

int main(int argc, char **argv)
{
        return model_main(argc, argv, 20000, run);
}
