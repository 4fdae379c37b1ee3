#include "serve/live/waiters.h"

#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "core/serve/problem.h"
#include "io/machine/clock.h"
#include "query/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Records that are asked for at once. */
enum { BATCH = 100 };

struct waiter {
        struct http_waiting *connection;
        struct waiting what; /* its texts are one allocation, in `texts` */
        char *texts;
        struct waiter *next;
};

struct waiters {
        pthread_mutex_t mutex; /* over all below */
        struct waiter *fresh;  /* not taken by who looks yet */
        bool shut;
        struct waiter *all; /* of who looks, alone */
};

struct waiters *waiters_open(void)
{
        struct waiters *waiters = memory_zeroed(1, sizeof(*waiters));
        if (pthread_mutex_init(&waiters->mutex, NULL))
                abort();
        return waiters;
}

void waiters_close(struct waiters *waiters)
{
        pthread_mutex_destroy(&waiters->mutex);
        free(waiters);
}

static struct waiter *waiter_new(const struct waiting *waiting)
{
        struct waiter *waiter = memory_zeroed(1, sizeof(*waiter));
        size_t len = strlen(waiting->word) + 1, token_len = waiting->token ? strlen(waiting->token) + 1 : 0;
        waiter->what = *waiting;
        waiter->texts = memory_zeroed(1, len + token_len);
        memcpy(waiter->texts, waiting->word, len);
        waiter->what.word = waiter->texts;
        if (waiting->token) {
                memcpy(waiter->texts + len, waiting->token, token_len);
                waiter->what.token = waiter->texts + len;
        }
        return waiter;
}

bool waiters_add(struct waiters *waiters, const struct waiting *waiting, const struct http_request *request)
{
        pthread_mutex_lock(&waiters->mutex);
        bool takes = !waiters->shut;
        if (takes) {
                struct waiter *waiter = waiter_new(waiting);
                waiter->connection = http_request_wait(request);
                waiter->next = waiters->fresh;
                waiters->fresh = waiter;
        }
        pthread_mutex_unlock(&waiters->mutex);
        return takes;
}

/* Has the record such a state that nothing more is to come? */
static bool job_is_over(struct slice state)
{
        return slice_is(state, "completed") || slice_is(state, "dead") || slice_is(state, "cancelled") ||
               slice_is(state, "dropped");
}

static void waiters_refuse(struct http_answer *answer, int status, const char *detail)
{
        answer->status = status;
        answer->content_type = problem_content_type;
        problem_add(&answer->body, status, detail);
}

bool job_answer(const struct query *query, const struct waiting *waiting, struct http_answer *answer,
                const char **awaited)
{
        const char *id;
        const struct redis_value *record = job_find(query, waiting->word, &id);
        *awaited = NULL;
        if (record->kind == REDIS_FAILED)
                return false;
        bool own = !waiting->own ||
                   (waiting->token && slice_is(redis_value_field(record, "publisher"), waiting->token));
        if (record->count == 0)
                waiters_refuse(answer, 404,
                               "not seen by a worker yet, or never published, or its record expired");
        else if (!own)
                waiters_refuse(answer, 403, "the job is not one that this token has published");
        else
                job_add_json(query, id, record, &answer->body);
        if ((own || record->count == 0) && !job_is_over(redis_value_field(record, "state")))
                *awaited = id;
        return true;
}

static void answer_and_free(struct waiter *waiter, const struct query *query)
{
        const char *awaited;
        struct http_answer answer = {.status = 200, .content_type = "application/json"};
        if (!query || !job_answer(query, &waiter->what, &answer, &awaited))
                waiters_refuse(&answer, 503,
                               query ? "Redis cannot be asked" : "the server ends, or Redis cannot be asked");
        http_waiting_answer(waiter->connection, &answer);
        free(waiter->texts);
        free(waiter);
}

static void take_fresh(struct waiters *waiters)
{
        pthread_mutex_lock(&waiters->mutex);
        struct waiter *fresh = waiters->fresh;
        waiters->fresh = NULL;
        pthread_mutex_unlock(&waiters->mutex);
        while (fresh) {
                struct waiter *next = fresh->next;
                fresh->next = waiters->all;
                waiters->all = fresh;
                fresh = next;
        }
}

/* The state of each record, in the order of the keys. */
static const char states_script[] =
        "local r = {} for i = 1, #KEYS do r[i] = redis.call('HGET', KEYS[i], 'state') or '' end return r";

/* NULL: a cluster does not take keys of several slots at once, or Redis is away. */
static const struct redis_value *ask_states(const struct query *query, struct waiter *const *batch,
                                            size_t count)
{
        struct slice words[BATCH + 3] = {SLICE_LITERAL("EVAL"), SLICE_LITERAL(""), SLICE_LITERAL("")};
        words[1] = slice_of(states_script);
        words[2] = slice_of(arena_printf(query->arena, "%zu", count));
        for (size_t i = 0; i < count; i++)
                words[3 + i] = slice_of(
                        record_key(query->arena, query->config->redis.prefix, KEY_JOB, batch[i]->what.word));
        const struct redis_value *states = redis_sync_run(query->redis, query->arena, words, count + 3);
        return states->kind == REDIS_LIST && states->count == count ? states : NULL;
}

static struct slice ask_state(const struct query *query, const struct waiter *waiter)
{
        const char *id;
        return redis_value_field(job_find(query, waiter->what.word, &id), "state");
}

static void look_at(struct waiters *waiters, const struct query *query, struct waiter *const *batch,
                    size_t count)
{
        const struct redis_value *states = ask_states(query, batch, count);
        int64_t now_ms = clock_boot_ms();
        for (size_t i = 0; i < count; i++) {
                struct slice state = states ? states->items[i].text : ask_state(query, batch[i]);
                if (job_is_over(state) || now_ms >= batch[i]->what.until_boot_ms) {
                        answer_and_free(batch[i], query);
                } else {
                        batch[i]->next = waiters->all;
                        waiters->all = batch[i];
                }
        }
}

size_t waiters_look(struct waiters *waiters, const struct query *query)
{
        take_fresh(waiters);
        struct waiter *waiter = waiters->all, *batch[BATCH];
        size_t count = 0, waiting = 0;
        waiters->all = NULL;
        while (waiter) {
                batch[count++] = waiter;
                waiter = waiter->next;
                if (count == BATCH || !waiter) {
                        look_at(waiters, query, batch, count);
                        count = 0;
                }
        }
        for (waiter = waiters->all; waiter; waiter = waiter->next)
                waiting++;
        return waiting;
}

void waiters_end(struct waiters *waiters, const struct query *query, bool last)
{
        pthread_mutex_lock(&waiters->mutex);
        waiters->shut = waiters->shut || last;
        pthread_mutex_unlock(&waiters->mutex);
        take_fresh(waiters);
        while (waiters->all) {
                struct waiter *waiter = waiters->all;
                waiters->all = waiter->next;
                answer_and_free(waiter, query);
        }
}
