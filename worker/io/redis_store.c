#include "io/redis_store.h"
#include "core/resp.h"
#include "io/clock.h"
#include "io/redis_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Between two tries to connect, doubled up to the greatest. */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define WATCH_MS 200
/* Replies that are taken from the socket in one go before the loop turns on. */
#define READS_PER_TURN 8

enum request_kind { REQUEST_CLAIM, REQUEST_LEASE, REQUEST_COMMAND, REQUEST_QUERY };

struct request {
        enum request_kind kind;
        store_done *done;
        store_strings *strings;
        void *context;
        int64_t sent_ms;
};

struct connecting {
        uv_work_t work;
        struct redis_store *store; /* NULL once the store was closed meanwhile */
        const struct config *config;
        const char *name;
        struct redis_connection connection;
        bool ok;
};

struct redis_store {
        uv_loop_t *loop;
        const struct config *config;
        char worker[128];
        const struct redis_store_events *events;
        void *context;
        struct redis_connection connection;
        bool up, ever_up, closing;
        struct connecting *connecting;
        int64_t backoff_ms;
        uv_poll_t *poll; /* while connected */
        int watched;     /* libuv events */
        uv_timer_t *watch, *retry;
        uv_prepare_t *flush;
        struct buffer out;    /* requests of this loop turn */
        struct request *ring; /* under way, oldest first */
        size_t ring_size, ring_head, ring_count;
};

static void connect_start(struct redis_store *store);
static void on_poll(uv_poll_t *poll, int status, int events);

static void handle_free(uv_handle_t *handle)
{
        free(handle);
}

static void *must_alloc(size_t size)
{
        void *memory = calloc(1, size);
        if (!memory)
                abort();
        return memory;
}

static void ring_push(struct redis_store *store, struct request request)
{
        if (store->ring_count == store->ring_size) {
                size_t size = store->ring_size ? store->ring_size * 2 : 256;
                struct request *ring = must_alloc(size * sizeof(*ring));
                for (size_t i = 0; i < store->ring_count; i++)
                        ring[i] = store->ring[(store->ring_head + i) % store->ring_size];
                free(store->ring);
                store->ring = ring;
                store->ring_size = size;
                store->ring_head = 0;
        }
        store->ring[(store->ring_head + store->ring_count++) % store->ring_size] = request;
}

static struct request ring_pop(struct redis_store *store)
{
        struct request request = store->ring[store->ring_head];
        store->ring_head = (store->ring_head + 1) % store->ring_size;
        store->ring_count--;
        return request;
}

static void request_lost(const struct request *request)
{
        if (request->strings)
                request->strings(request->context, true, NULL, 0);
        else if (request->done)
                request->done(request->context,
                              &(struct store_result){.lost = true, .sent_ms = request->sent_ms});
}

static void retry_later(struct redis_store *store);

/* Ends the connection; everything under way is answered as lost. */
static void drop(struct redis_store *store, const char *error)
{
        char text[256];
        snprintf(text, sizeof(text), "%s", error);
        if (store->poll) {
                uv_poll_stop(store->poll);
                uv_close((uv_handle_t *)store->poll, handle_free);
                store->poll = NULL;
        }
        redis_connection_close(&store->connection);
        buffer_clear(&store->out);
        bool was_up = store->up;
        store->up = false;
        size_t count = store->ring_count;
        while (count--) {
                struct request request = ring_pop(store);
                request_lost(&request);
        }
        if (store->closing)
                return;
        if (was_up)
                store->events->down(store->context, text);
        retry_later(store);
}

/* ---- replies ---- */

static struct slice reply_text(const redisReply *reply)
{
        if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)
                return (struct slice){.data = reply->str, .len = reply->len};
        return (struct slice){0};
}

static int64_t reply_integer(const redisReply *reply)
{
        if (reply->type == REDIS_REPLY_INTEGER)
                return reply->integer;
        return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

/* "retry 2 0 -": kind, tier, reject, reason. */
static struct job_decision decision_parse(struct slice text)
{
        struct job_decision decision = {.tier = -1};
        char kind[16] = "", reason[32] = "", copy[64];
        int reject = 0;
        snprintf(copy, sizeof(copy), "%.*s", SLICE_PRINT(text));
        if (sscanf(copy, "%15s %d %d %31s", kind, &decision.tier, &reject, reason) < 3)
                return decision;
        for (int i = DECISION_RETRY; i <= DECISION_DEAD; i++)
                if (strcmp(kind, job_decision_word((enum job_decision_kind)i)) == 0)
                        decision.kind = (enum job_decision_kind)i;
        decision.reject = reject != 0;
        decision.reason = reason_parse(reason);
        return decision;
}

static bool claim_parse(const redisReply *reply, struct store_result *result)
{
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 7)
                return false;
        struct slice word = reply_text(reply->element[0]);
        int answer = 0;
        while (answer < CLAIM_ANSWER_COUNT && !slice_is(word, claim_answer_word((enum claim_answer)answer)))
                answer++;
        if (answer == CLAIM_ANSWER_COUNT)
                return false;
        result->claim = (enum claim_answer)answer;
        result->lease_left_ms = reply_integer(reply->element[1]);
        result->created_ms = reply_integer(reply->element[2]);
        result->starts = reply_integer(reply->element[3]);
        result->decision = decision_parse(reply_text(reply->element[4]));
        result->intent = reply_text(reply->element[5]);
        result->error = reply_text(reply->element[6]);
        for (size_t i = 7; i < reply->elements && result->effect_count < JOB_EFFECTS_MAX; i++)
                result->effects[result->effect_count++] = reply_text(reply->element[i]);
        return true;
}

static void give_strings(const struct request *request, const redisReply *reply)
{
        if (reply->type != REDIS_REPLY_ARRAY) {
                struct slice value = reply_text(reply);
                request->strings(request->context, reply->type == REDIS_REPLY_ERROR, &value,
                                 value.data ? 1 : 0);
                return;
        }
        struct slice *values = must_alloc((reply->elements + 1) * sizeof(*values));
        for (size_t i = 0; i < reply->elements; i++)
                values[i] = reply_text(reply->element[i]);
        request->strings(request->context, false, values, reply->elements);
        free(values);
}

/* The key is held by something that is no job: to this job that is the same as a record of other content. */
static bool is_wrong_type(const redisReply *reply)
{
        return reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "WRONGTYPE");
}

/* Gives one reply to its request. False if the connection is to be dropped instead: the request is then still
 * first. */
static bool answer(struct redis_store *store, const redisReply *reply)
{
        const struct request *first = &store->ring[store->ring_head];
        struct store_result result = {.sent_ms = first->sent_ms};
        bool error = reply->type == REDIS_REPLY_ERROR;
        switch (first->kind) {
        case REQUEST_CLAIM:
                if (is_wrong_type(reply))
                        result.claim = CLAIM_CONFLICT;
                else if (error || !claim_parse(reply, &result))
                        return false;
                break;
        case REQUEST_LEASE:
                if (error && !is_wrong_type(reply))
                        return false;
                result.lease = slice_is(reply_text(reply), "ok") ? LEASE_OK : LEASE_LOST;
                break;
        case REQUEST_COMMAND:
                result.lost = error;
                break;
        case REQUEST_QUERY: {
                struct request request = ring_pop(store);
                give_strings(&request, reply);
                return true;
        }
        }
        struct request request = ring_pop(store);
        if (request.done)
                request.done(request.context, &result);
        return true;
}

/* False if the connection was dropped. */
static bool take_replies(struct redis_store *store)
{
        while (store->connection.context) {
                redisReply *reply = NULL;
                if (redisGetReplyFromReader(store->connection.context, (void **)&reply) != REDIS_OK) {
                        drop(store, "redis: the reply is not RESP");
                        return false;
                }
                if (!reply)
                        return true;
                bool ok = store->ring_count > 0 && answer(store, reply);
                char error[200];
                if (!ok)
                        snprintf(error, sizeof(error), "redis: %.180s",
                                 reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply");
                freeReplyObject(reply);
                if (!ok) {
                        drop(store, error);
                        return false;
                }
        }
        return false;
}

/* ---- socket ---- */

static void watch(struct redis_store *store, int events)
{
        if (store->watched == events)
                return;
        store->watched = events;
        if (uv_poll_start(store->poll, events, on_poll) != 0)
                abort();
}

static void write_out(struct redis_store *store)
{
        redisContext *context = store->connection.context;
        if (store->out.len > 0) {
                if (redisAppendFormattedCommand(context, store->out.data, store->out.len) != REDIS_OK)
                        abort();
                buffer_clear(&store->out);
        }
        int done = 0;
        if (redisBufferWrite(context, &done) != REDIS_OK) {
                drop(store, context->errstr);
                return;
        }
        watch(store, done ? UV_READABLE : UV_READABLE | UV_WRITABLE);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct redis_store *store = poll->data;
        if (status < 0) {
                drop(store, uv_strerror(status));
                return;
        }
        if (events & UV_READABLE) {
                if (redisBufferRead(store->connection.context) != REDIS_OK) {
                        drop(store, store->connection.context->errstr);
                        return;
                }
                if (!take_replies(store))
                        return;
        }
        if (events & UV_WRITABLE)
                write_out(store);
}

/* Once a loop turn, before it waits: everything that was asked for in the turn leaves in one write. */
static void on_flush(uv_prepare_t *prepare)
{
        struct redis_store *store = prepare->data;
        if (store->up && store->out.len > 0)
                write_out(store);
}

static void on_watch(uv_timer_t *timer)
{
        struct redis_store *store = timer->data;
        if (store->ring_count == 0)
                return;
        if (clock_boot_ms() - store->ring[store->ring_head].sent_ms > store->config->redis.timeout_ms)
                drop(store, "redis: no reply in time");
}

/* ---- connecting ---- */

static void connect_work(uv_work_t *work)
{
        struct connecting *connecting = work->data;
        connecting->ok = redis_connection_open(&connecting->connection, connecting->config, connecting->name);
}

static void connected(struct redis_store *store, struct redis_connection connection)
{
        store->connection = connection;
        redisContext *context = connection.context;
        context->flags &= ~REDIS_BLOCK;
        int flags = fcntl(context->fd, F_GETFL);
        if (flags < 0 || fcntl(context->fd, F_SETFL, flags | O_NONBLOCK) != 0)
                abort();
        store->poll = must_alloc(sizeof(*store->poll));
        if (uv_poll_init(store->loop, store->poll, context->fd) != 0)
                abort();
        store->poll->data = store;
        store->watched = 0;
        store->backoff_ms = BACKOFF_MIN_MS;
        store->up = store->ever_up = true;
        watch(store, UV_READABLE);
        store->events->up(store->context);
}

static void connect_done(uv_work_t *work, int status)
{
        struct connecting *connecting = work->data;
        struct redis_store *store = connecting->store;
        if (!store || status != 0) {
                redis_connection_close(&connecting->connection);
                free(connecting);
                return;
        }
        store->connecting = NULL;
        if (connecting->ok) {
                connected(store, connecting->connection);
        } else if (connecting->connection.fatal && !store->ever_up) {
                store->events->fatal(store->context, connecting->connection.error);
        } else {
                store->events->down(store->context, connecting->connection.error);
                retry_later(store);
        }
        free(connecting);
}

static void connect_start(struct redis_store *store)
{
        struct connecting *connecting = must_alloc(sizeof(*connecting));
        connecting->store = store;
        connecting->config = store->config;
        connecting->name = store->worker;
        connecting->work.data = connecting;
        store->connecting = connecting;
        if (uv_queue_work(store->loop, &connecting->work, connect_work, connect_done) != 0)
                abort();
}

static void on_retry(uv_timer_t *timer)
{
        connect_start(timer->data);
}

static void retry_later(struct redis_store *store)
{
        /* Jitter from the low bits of the clock: replicas that lost the server together come back apart. */
        uint64_t jitter = uv_hrtime() / 1000 % (uint64_t)store->backoff_ms;
        uv_timer_start(store->retry, on_retry, (uint64_t)store->backoff_ms / 2 + jitter, 0);
        store->backoff_ms = store->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : store->backoff_ms * 2;
}

struct redis_store *redis_store_open(uv_loop_t *loop, const struct config *config, const char *worker,
                                     const struct redis_store_events *events, void *context)
{
        struct redis_store *store = must_alloc(sizeof(*store));
        store->loop = loop;
        store->config = config;
        snprintf(store->worker, sizeof(store->worker), "%s", worker);
        store->events = events;
        store->context = context;
        store->backoff_ms = BACKOFF_MIN_MS;
        store->watch = must_alloc(sizeof(*store->watch));
        store->retry = must_alloc(sizeof(*store->retry));
        store->flush = must_alloc(sizeof(*store->flush));
        uv_timer_init(loop, store->watch);
        uv_timer_init(loop, store->retry);
        uv_prepare_init(loop, store->flush);
        store->watch->data = store->retry->data = store->flush->data = store;
        uv_timer_start(store->watch, on_watch, WATCH_MS, WATCH_MS);
        uv_prepare_start(store->flush, on_flush);
        connect_start(store);
        return store;
}

void redis_store_close(struct redis_store *store)
{
        store->closing = true;
        if (store->up && store->out.len > 0)
                write_out(store);
        drop(store, "closing");
        if (store->connecting)
                store->connecting->store = NULL;
        uv_close((uv_handle_t *)store->watch, handle_free);
        uv_close((uv_handle_t *)store->retry, handle_free);
        uv_close((uv_handle_t *)store->flush, handle_free);
        buffer_fini(&store->out);
        free(store->ring);
        free(store);
}

bool redis_store_is_up(const struct redis_store *store)
{
        return store->up;
}

/* ---- requests ---- */

/* A request while the store is down is lost at once; its answer still comes from the loop, at the next turn.
 */
struct late {
        uv_timer_t timer;
        struct request request;
};

static void on_late(uv_timer_t *timer)
{
        struct late *late = timer->data;
        request_lost(&late->request);
        uv_close((uv_handle_t *)timer, handle_free);
}

static bool refuse_while_down(struct redis_store *store, struct request request)
{
        if (store->up)
                return false;
        if (!request.done && !request.strings)
                return true;
        struct late *late = must_alloc(sizeof(*late));
        late->request = request;
        uv_timer_init(store->loop, &late->timer);
        late->timer.data = late;
        uv_timer_start(&late->timer, on_late, 0, 0);
        return true;
}

enum { IDENTITY_ARGUMENTS = 10 };

/* EVALSHA sha 2 job events + the ten arguments that every script takes; `extra` more are to follow. */
static void begin_script(struct redis_store *store, enum redis_script script,
                         const struct store_identity *identity, size_t extra)
{
        struct buffer *out = &store->out;
        const struct config *config = store->config;
        char key[512];
        resp_begin(out, 5 + IDENTITY_ARGUMENTS + extra);
        resp_add_text(out, "EVALSHA");
        resp_add(out, (struct slice){.data = store->connection.sha[script], .len = 40});
        resp_add_text(out, "2");
        static const char *const kinds[] = {"job", "events"};
        for (size_t i = 0; i < 2; i++) {
                int len = snprintf(key, sizeof(key), "%s:%s:{%.*s}", config->redis.prefix, kinds[i],
                                   SLICE_PRINT(identity->id));
                resp_add(out, (struct slice){.data = key, .len = (size_t)len});
        }
        resp_add(out, identity->owner);
        resp_add_integer(out, config->claim.lease_ms);
        resp_add_integer(out, identity->generation.redrives);
        resp_add_integer(out, identity->generation.attempt);
        resp_add_integer(out, identity->generation.deferrals);
        resp_add(out, identity->fingerprint);
        resp_add(out, identity->type);
        resp_add(out, identity->queue);
        resp_add_text(out, store->worker);
        int64_t longest = 0;
        for (size_t i = 0; i < config->queue_count; i++)
                if (config->queues[i].tier_count > 0 &&
                    config->queues[i].tiers_ms[config->queues[i].tier_count - 1] > longest)
                        longest = config->queues[i].tiers_ms[config->queues[i].tier_count - 1];
        resp_add_integer(out, config->claim.keep_ms + longest);
}

static struct request lease_request(store_done *done, void *context)
{
        return (struct request){
                .kind = REQUEST_LEASE, .done = done, .context = context, .sent_ms = clock_boot_ms()};
}

void redis_store_claim(struct redis_store *store, const struct store_identity *identity,
                       const struct store_claim *claim, store_done *done, void *context)
{
        struct request request = lease_request(done, context);
        request.kind = REQUEST_CLAIM;
        if (refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        begin_script(store, REDIS_SCRIPT_CLAIM, identity, 6);
        resp_add(out, claim->subject);
        resp_add(out, claim->correlation_id);
        resp_add(out, claim->app_id);
        if (claim->first_seen_ms > 0)
                resp_add_integer(out, claim->first_seen_ms);
        else
                resp_add_text(out, "");
        resp_add_text(out, claim->alone ? "1" : "0");
        resp_add_integer(out, store->config->claim.max_crashes);
        ring_push(store, request);
}

void redis_store_renew(struct redis_store *store, const struct store_identity *identity, store_done *done,
                       void *context)
{
        struct request request = lease_request(done, context);
        if (refuse_while_down(store, request))
                return;
        begin_script(store, REDIS_SCRIPT_RENEW, identity, 0);
        ring_push(store, request);
}

void redis_store_intend(struct redis_store *store, const struct store_identity *identity, struct slice effect,
                        store_done *done, void *context)
{
        struct request request = lease_request(done, context);
        if (refuse_while_down(store, request))
                return;
        begin_script(store, REDIS_SCRIPT_INTEND, identity, 1);
        resp_add(&store->out, effect);
        ring_push(store, request);
}

void redis_store_record(struct redis_store *store, const struct store_identity *identity,
                        const struct store_effect *effect, struct slice note, store_done *done, void *context)
{
        struct request request = lease_request(done, context);
        if (refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        begin_script(store, REDIS_SCRIPT_RECORD, identity, 6);
        resp_add(out, effect->key);
        resp_add_text(out, effect->sent ? "sent" : "refused");
        resp_add(out, effect->provider_id);
        resp_add_integer(out, effect->done);
        resp_add_integer(out, effect->total);
        resp_add(out, note);
        ring_push(store, request);
}

void redis_store_complete(struct redis_store *store, const struct store_identity *identity,
                          const struct store_effect *effect, struct slice note, store_done *done,
                          void *context)
{
        struct request request = lease_request(done, context);
        if (refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        begin_script(store, REDIS_SCRIPT_COMPLETE, identity, 5);
        resp_add(out, effect->key);
        resp_add(out, effect->provider_id);
        resp_add_integer(out, effect->total);
        resp_add_integer(out, store->config->claim.keep_ms);
        resp_add(out, note);
        ring_push(store, request);
}

static void decision_format(const struct job_decision *d, char *text, size_t size)
{
        snprintf(text, size, "%s %d %d %s", job_decision_word(d->kind), d->tier, d->reject,
                 d->reason == REASON_NONE ? "-" : reason_word(d->reason));
}

void redis_store_decide(struct redis_store *store, const struct store_identity *identity,
                        const struct store_decision *decision, struct slice note, store_done *done,
                        void *context)
{
        struct request request = lease_request(done, context);
        if (refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        char text[64];
        const struct job_decision *d = &decision->decision;
        decision_format(d, text, sizeof(text));
        begin_script(store, REDIS_SCRIPT_DECIDE, identity, 6);
        resp_add_text(out, text);
        resp_add_text(out, reason_word(d->reason));
        resp_add(out, decision->error);
        resp_add_integer(out, decision->effects_total);
        resp_add(out, note);
        resp_add_text(out, decision->intent_void ? "1" : "0");
        ring_push(store, request);
}

void redis_store_settle(struct redis_store *store, const struct store_identity *identity,
                        const struct job_decision *decision, struct job_generation generation,
                        struct slice note, store_done *done, void *context)
{
        struct request request = lease_request(done, context);
        if (refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        char text[64] = "";
        if (decision->reject)
                decision_format(decision, text, sizeof(text));
        begin_script(store, REDIS_SCRIPT_SETTLE, identity, 6);
        resp_add_text(out, decision->kind == DECISION_DEAD ? "dead" : "retrying");
        resp_add_integer(out, generation.redrives);
        resp_add_integer(out, generation.attempt);
        resp_add_integer(out, generation.deferrals);
        resp_add(out, note);
        resp_add_text(out, text);
        ring_push(store, request);
}

static void add_arguments(struct buffer *out, const struct slice *arguments, size_t count)
{
        resp_begin(out, count);
        for (size_t i = 0; i < count; i++)
                resp_add(out, arguments[i]);
}

void redis_store_command(struct redis_store *store, const struct slice *arguments, size_t count,
                         store_done *done, void *context)
{
        struct request request = lease_request(done, context);
        request.kind = REQUEST_COMMAND;
        if (refuse_while_down(store, request))
                return;
        add_arguments(&store->out, arguments, count);
        ring_push(store, request);
}

void redis_store_query(struct redis_store *store, const struct slice *arguments, size_t count,
                       store_strings *done, void *context)
{
        struct request request = lease_request(NULL, context);
        request.kind = REQUEST_QUERY;
        request.strings = done;
        if (refuse_while_down(store, request))
                return;
        add_arguments(&store->out, arguments, count);
        ring_push(store, request);
}
