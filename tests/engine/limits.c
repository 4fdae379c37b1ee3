/*
 * How many at once, how many a second: workers with the real outlet (run/outlet) against a service that takes
 * fewer connections than they are allowed to open, or fewer requests a second than they would send. In
 * virtual time, drawn from a seed.
 *
 * usage: limits [--schedules N] [--seed S] [--expect-failure] [--verbose]
 */
#include "core/send/send_outcome.h"
#include "model_main.h"
#include "random.h"
#include "run/outlet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        WORKERS_MAX = 4,
        CONNECTIONS = 16, /* of each worker: the most that it opens */
        STEP_MS = 2,
        HORIZON_MS = 120000,
        IDLE_MS = 100,       /* a connection is kept for the next mail, where they are few */
        COME_BACK_MS = 1000, /* of a job that was told to come later */
        REFUSED_MS = 6,      /* an answer of a service that is asked for too much */
        FAILURES = 5,
};

enum limit {
        LIMIT_SAID,    /* of connections: 421 at the greeting */
        LIMIT_MUTE,    /* of connections: closed before the greeting */
        LIMIT_PACE,    /* of requests a second: 429 and no more */
        LIMIT_RETRY,   /* ... with Retry-After */
        LIMIT_HEADERS, /* ... with what is left, and until when */
        LIMIT_COUNT,
};
static const char *const limit_word[] = {"limit said", "mute limit", "pace", "pace with retry-after",
                                         "pace in headers"};

struct send {
        bool busy, connects;
        struct outlet_place place;
        struct send_result result;
        int64_t until_ms;
};

struct worker {
        struct outlet outlet;
        struct send sends[CONNECTIONS];
        int standing;    /* connections that are logged in */
        int idle;        /* of them */
        int64_t used_ms; /* when one became idle last */
        int burnt;       /* attempts */
};

struct service {
        struct random random;
        enum limit limit;
        uint32_t most, less; /* connections, or requests a second; so many at first */
        int workers, connections;
        int64_t takes_ms;               /* a mail, on average */
        uint32_t taken[1000 / STEP_MS]; /* requests of the last second, by the step in which they came */
        uint32_t taken_sum;
        uint32_t mails, waiting, accepted, refused;
        uint32_t back[COME_BACK_MS / STEP_MS]; /* come back, by the step in which they do */
        struct worker worker[WORKERS_MAX];
        const char *fault;
};

static const struct config_outlet config = {
        .name = "mail",
        .kind = OUTLET_MAIL,
        .transport = TRANSPORT_SMTP,
        .breaker = {.failures = FAILURES, .open_ms = 5000, .open_max_ms = 60000},
};

/* Of io/send/transport.h, what the outlet asks. */
struct transport {
        int nothing;
};

struct transport *transport_open(uv_loop_t *loop, const struct config_outlet *outlet, char *error)
{
        static struct transport transport;
        (void)loop, (void)outlet, (void)error;
        return &transport;
}

size_t transport_capacity(const struct transport *transport)
{
        (void)transport;
        return CONNECTIONS;
}

void transport_close(struct transport *transport)
{
        (void)transport;
}

static bool counts_connections(const struct service *service)
{
        return service->limit <= LIMIT_MUTE;
}

/* A limit of connections may be lifted while the work goes on. */
static uint32_t most_now(const struct service *service)
{
        return service->accepted < service->mails / 6 ? service->less : service->most;
}

/* ---- the service ---- */

static struct send_result accepted(void)
{
        return (struct send_result){.outcome = SEND_DONE, .status = 250, .retry_after_ms = -1};
}

static struct send_result one_too_many(const struct service *service)
{
        const struct smtp_reply reply = {.code = 421, .text = SLICE_LITERAL("4.7.0 too many connections")};
        if (service->limit == LIMIT_SAID)
                return send_outcome_smtp(SMTP_CONNECT, &reply);
        struct send_result closed = send_outcome_cut(false, "closed at connect");
        closed.crowded = true;
        return closed;
}

/* A window of a second that slides; the headers count whole seconds. */
static struct send_result answer_request(struct service *service, int64_t now_ms)
{
        char left[16];
        bool fits = service->taken_sum < service->most;
        if (fits) {
                service->taken[now_ms / STEP_MS % (1000 / STEP_MS)]++;
                service->taken_sum++;
        }
        snprintf(left, sizeof left, "%u", service->most - service->taken_sum);
        struct http_answer answer = {.status = fits ? 200 : 429, .retry_after_max_ms = 300000};
        if (!fits && service->limit == LIMIT_RETRY)
                answer.retry_after = SLICE_LITERAL("1");
        if (service->limit == LIMIT_HEADERS) {
                answer.limit_left = slice_of(left);
                answer.limit_reset = SLICE_LITERAL("1");
        }
        return send_outcome_http(&answer);
}

static void second_slides(struct service *service, int64_t now_ms)
{
        uint32_t *oldest = &service->taken[now_ms / STEP_MS % (1000 / STEP_MS)];
        service->taken_sum -= *oldest;
        *oldest = 0;
}

/* ---- the workers ---- */

/* A mail leaves: on a connection that stands, or on one more, if the service takes one more. */
static void send_begin(struct service *service, struct worker *worker, struct send *send, int64_t now_ms)
{
        int64_t takes_ms = random_between(&service->random, service->takes_ms / 2, service->takes_ms * 3 / 2);
        send->busy = true;
        send->place.sent = true;
        send->connects = false;
        send->result = accepted();
        send->until_ms = now_ms + takes_ms;
        service->waiting--;
        if (!counts_connections(service)) {
                send->result = answer_request(service, now_ms);
                if (send->result.outcome != SEND_DONE)
                        send->until_ms = now_ms + REFUSED_MS;
        } else if (worker->idle > 0) {
                worker->idle--;
        } else if (service->connections < (int)most_now(service)) {
                service->connections++;
                send->connects = true;
        } else {
                send->result = one_too_many(service);
                send->until_ms = now_ms + REFUSED_MS;
        }
}

static void wait_again(struct service *service, int64_t now_ms)
{
        service->back[now_ms / STEP_MS % (COME_BACK_MS / STEP_MS)]++;
}

static void send_end(struct service *service, struct worker *worker, struct send *send, int64_t now_ms)
{
        struct send_result *result = &send->result;
        bool done = result->outcome == SEND_DONE;
        if (counts_connections(service) && done) {
                worker->standing += send->connects;
                worker->idle++;
                worker->used_ms = now_ms;
        }
        result->standing = (size_t)worker->standing;
        struct outlet_news news =
                outlet_result(&worker->outlet, &send->place, random_next(&service->random), result, now_ms);
        if (news.again)
                send->place.sent = false;
        outlet_give(&worker->outlet, &send->place);
        send->busy = false;
        if (done) {
                service->accepted++;
                return;
        }
        service->refused++;
        worker->burnt += !news.again && !news.outage && !result->throttled;
        if (news.again)
                service->waiting++;
        else
                wait_again(service, now_ms);
}

static void connections_retire(struct service *service, struct worker *worker, int64_t now_ms)
{
        if (worker->idle > 0 && now_ms - worker->used_ms >= IDLE_MS) {
                service->connections -= worker->idle;
                worker->standing -= worker->idle;
                worker->idle = 0;
        }
}

static void turn(struct service *service, struct worker *worker, int64_t now_ms)
{
        for (size_t i = 0; i < CONNECTIONS; i++)
                if (worker->sends[i].busy && worker->sends[i].until_ms <= now_ms)
                        send_end(service, worker, &worker->sends[i], now_ms);
        outlet_tick(&worker->outlet, now_ms);
        for (size_t i = 0; i < CONNECTIONS && service->waiting > 0; i++) {
                if (worker->sends[i].busy)
                        continue;
                if (!outlet_take(&worker->outlet, &worker->sends[i].place, now_ms))
                        break;
                send_begin(service, worker, &worker->sends[i], now_ms);
        }
        connections_retire(service, worker, now_ms);
}

static void set_up(struct service *service, uint64_t seed)
{
        *service = (struct service){.random = {seed}};
        struct random *random = &service->random;
        char error[256];
        service->limit = (enum limit)random_below(random, LIMIT_COUNT);
        service->workers = service->limit == LIMIT_MUTE ? 1 : 1 + (int)random_below(random, WORKERS_MAX);
        service->takes_ms = random_between(random, 20, 200);
        /* the limit lies below what they would do without */
        service->most = (uint32_t)random_between(random, 1, CONNECTIONS);
        service->less = random_one_in(random, 3) ? (service->most + 1) / 2 : service->most;
        service->mails = (uint32_t)(service->most * 20000 / service->takes_ms);
        if (!counts_connections(service)) {
                int64_t fastest = service->workers * CONNECTIONS * 1000 / service->takes_ms;
                service->most = (uint32_t)random_between(random, 5, fastest < 100 ? fastest : 100);
                service->mails = service->most * 30;
        }
        service->waiting = service->mails;
        for (int i = 0; i < service->workers; i++) {
                outlet_init(&service->worker[i].outlet, &config, 1000);
                outlet_open(&service->worker[i].outlet, NULL, error);
        }
}

static void check(struct service *service, int64_t took_ms)
{
        bool connections = counts_connections(service), lifted = connections && service->less < service->most;
        int64_t best_ms = (int64_t)service->mails * (connections ? service->takes_ms : 1000) / service->most;
        if (service->accepted < service->mails)
                service->fault = "mails did not leave";
        else if (10 * took_ms > (connections ? 15 : 14) * best_ms + (lifted ? 5 * best_ms : 0))
                service->fault = "slower than the limit allows";
        else if (service->refused > (connections ? 50U : 25U) * (uint32_t)service->workers)
                service->fault = "it goes on to ask for more than it gets";
        for (int i = 0; i < service->workers; i++) {
                const struct worker *worker = &service->worker[i];
                /* before anybody was served, closed in silence may be an outage */
                if (worker->burnt > (service->limit == LIMIT_MUTE ? 3 : 0))
                        service->fault = "attempts are burnt by a limit";
                if (worker->outlet.breaker.openings > 0)
                        service->fault = "the breaker opened though mails succeed";
        }
}

static const char *run(uint64_t seed)
{
        static struct service service;
        set_up(&service, seed);
        int64_t now_ms = 1000;
        for (; now_ms < HORIZON_MS && service.accepted < service.mails; now_ms += STEP_MS) {
                uint32_t *back = &service.back[now_ms / STEP_MS % (COME_BACK_MS / STEP_MS)];
                service.waiting += *back;
                *back = 0;
                second_slides(&service, now_ms);
                int first = (int)random_below(&service.random, (uint32_t)service.workers);
                for (int i = 0; i < service.workers; i++)
                        turn(&service, &service.worker[(first + i) % service.workers], now_ms);
        }
        check(&service, now_ms - 1000);
        if (model_verbose)
                printf("%s of %u, %d workers, %d ms a mail: %u mails in %d ms, %u refused\n",
                       limit_word[service.limit], service.most, service.workers, (int)service.takes_ms,
                       service.accepted, (int)(now_ms - 1000), service.refused);
        return service.fault;
}

int main(int argc, char **argv)
{
        return model_main(argc, argv, 500, run);
}
