#include "core/codec/resp.h"
#include "core/memory/memory.h"
#include "core/text/shorten.h"
#include "io/machine/clock.h"
#include "io/machine/handle.h"
#include "io/machine/turn.h"
#include "io/redis/connection/redis_probe.h"
#include "io/redis/redis_quick.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

/* Between two tries to connect. */
#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 5000
/* A connection that held so long was a success. */
#define LIVED_MS 1000
#define KEEPS_EVERY_MS 5000
#define WATCH_MAX_MS 1000
/* Each may plan a job, 50 us or more: so many, and more only in a turn that is short. */
#define REPLIES_AT_LEAST 4

static void redis_store_on_poll(uv_poll_t *poll, int status, int events);

static void retry_later(struct redis_store *store);

void redis_store_tell_down(struct redis_store *store, const char *error, bool was_up)
{
        text_shorten(store->trouble, sizeof(store->trouble), error);
        if (!was_up && strcmp(store->trouble, store->told) == 0)
                return;
        memcpy(store->told, store->trouble, sizeof(store->told));
        store->events->down(store->context, store->trouble);
}

static void lose_all(struct request_ring *ring)
{
        for (size_t count = ring->count; count > 0; count--) {
                struct request request = request_ring_take(ring);
                redis_request_lost(&request);
                free(request.bytes);
        }
}

/* Ends the connection; everything under way is answered as lost. */
static void redis_store_drop(struct redis_store *store, const char *error)
{
        char text[256];
        snprintf(text, sizeof(text), "%s", error);
        if (store->poll) {
                uv_poll_stop(store->poll);
                uv_close((uv_handle_t *)store->poll, handle_free);
                store->poll = NULL;
        }
        uv_idle_stop(store->more);
        redis_follow_stop(store->follow);
        store->follow = NULL;
        redis_connection_close(&store->connection);
        buffer_clear(&store->out);
        store->out_mark = 0;
        redis_hold_drop(&store->hold);
        store->waiting = false;
        bool was_up = store->up;
        store->up = false;
        store->counts_on_clock = false;
        lose_all(&store->written);
        lose_all(&store->ring);
        if (store->closing)
                return;
        if (was_up && clock_boot_ms() - store->up_ms >= LIVED_MS)
                backoff_reset(&store->backoff);
        redis_store_tell_down(store, text, was_up);
        retry_later(store);
}

static void drop_for(struct redis_store *store, const char *what, const char *why)
{
        char text[256];
        snprintf(text, sizeof(text), "redis: %s%.200s", what, why);
        redis_store_drop(store, text);
}

/* The next reply of the connection, the caller's; NULL: there is none, or the connection was dropped. */
static redisReply *reply_read(struct redis_store *store)
{
        redisReply *reply = NULL;
        if (redisGetReplyFromReader(store->connection.context, (void **)&reply) == REDIS_OK)
                return reply;
        drop_for(store, "the reply cannot be read: ", store->connection.context->errstr);
        return NULL;
}

/* A batch is done when enough replicas have it. False if they have not: the connection was dropped, and
 * everything in the batch is repeated. */
static bool acknowledged(struct redis_store *store, const redisReply *wait)
{
        int64_t wanted = store->config->redis.replicas;
        bool told = wait->type == REDIS_REPLY_INTEGER;
        char text[256];
        if (told && wait->integer >= wanted) {
                redis_hold_clear(&store->hold);
                store->waiting = false;
                return true;
        }
        const char *error = redis_hold_error(&store->hold);
        snprintf(text, sizeof(text), "%lld of %lld replicas have acknowledged, as redis.replicas wants",
                 told ? wait->integer : 0, (long long)wanted);
        drop_for(store, "", error ? error : text);
        return false;
}

/* The next reply that may be believed; as reply_read. */
static redisReply *reply_next(struct redis_store *store)
{
        struct redis_hold *hold = &store->hold;
        redisReply *reply;
        if (store->config->redis.replicas == 0)
                return reply_read(store);
        while (!(reply = redis_hold_pop(hold))) {
                reply = reply_read(store);
                if (!reply)
                        return NULL;
                redis_hold_push(hold, reply);
                bool asked = hold->count <= store->ring.count;
                if (!asked)
                        drop_for(store, "", "unexpected reply");
                if (!asked || (request_ring_at(&store->ring, hold->count - 1)->kind == REQUEST_WAIT &&
                               !acknowledged(store, reply)))
                        return NULL;
        }
        return reply;
}

/* Is the first request another node's? Then it is on its way there. */
static bool store_redirected(struct redis_store *store, const redisReply *reply)
{
        if (!store->redirect || reply->type != REDIS_REPLY_ERROR || store->ring.count == 0 ||
            !store->redirect(store, reply, *request_ring_at(&store->ring, 0)))
                return false;
        redis_ring_pop(store);
        return true;
}

bool redis_store_forward(struct redis_store *store, struct request *request, bool asking)
{
        if (!store->up)
                return false;
        if (asking) {
                resp_begin(&store->out, 1);
                resp_add_text(&store->out, "ASKING");
                redis_ring_push(store, (struct request){.kind = REQUEST_ASKING, .sent_ms = request->sent_ms});
        }
        buffer_add(&store->out, request->bytes, request->bytes_len);
        redis_ring_push(store, *request);
        return true;
}

/* False if the connection was dropped. Sets *left if the reader may hold more. */
static bool take_replies(struct redis_store *store, bool *left)
{
        *left = false;
        for (int i = 0; store->connection.context; i++) {
                if (i >= REPLIES_AT_LEAST && turn_is_long()) {
                        *left = true;
                        return true;
                }
                redisReply *reply = reply_next(store);
                if (!reply)
                        return store->connection.context != NULL;
                if (store_redirected(store, reply)) {
                        freeReplyObject(reply);
                        continue;
                }
                bool ok = store->ring.count > 0 && redis_store_answer(store, reply);
                char error[200];
                if (!ok)
                        snprintf(error, sizeof(error), "%.180s", redis_store_mistake(store, reply));
                freeReplyObject(reply);
                if (!ok) {
                        drop_for(store, "", error);
                        return false;
                }
        }
        return false;
}

static void on_more(uv_idle_t *idle);

static bool digest(struct redis_store *store)
{
        bool left;
        if (!take_replies(store, &left))
                return false;
        if (left)
                uv_idle_start(store->more, on_more);
        else
                uv_idle_stop(store->more);
        if (store->ring.count == 0) /* an idle process is not woken for it */
                uv_timer_stop(store->watch);
        return true;
}

/* No socket event announces what was read already. */
static void on_more(uv_idle_t *idle)
{
        digest(idle->data);
}

/* ---- socket ---- */

static void redis_store_watch(struct redis_store *store, int events)
{
        if (store->watched == events)
                return;
        store->watched = events;
        if (uv_poll_start(store->poll, events, redis_store_on_poll) != 0)
                abort();
}

static void write_out(struct redis_store *store)
{
        redisContext *context = store->connection.context;
        if (store->out.len > 0) {
                if (redisAppendFormattedCommand(context, store->out.data, store->out.len) != REDIS_OK)
                        memory_out();
                buffer_clear(&store->out);
                store->out_mark = 0;
        }
        /* Not asked whether it is done: hiredis 0.14 looks into its next buffer though it got none. */
        if (redisBufferWrite(context, NULL) != REDIS_OK) {
                redis_store_drop(store, context->errstr);
                return;
        }
        if (!context->obuf)
                memory_out();
        redis_store_watch(store, sdslen(context->obuf) == 0 ? UV_READABLE : UV_READABLE | UV_WRITABLE);
}

static void redis_store_on_poll(uv_poll_t *poll, int status, int events)
{
        struct redis_store *store = poll->data;
        turn_worked();
        if (status < 0) {
                redis_store_drop(store, uv_strerror(status));
                return;
        }
        if (events & UV_READABLE && !uv_is_active((uv_handle_t *)store->more)) {
                if (redisBufferRead(store->connection.context) != REDIS_OK) {
                        redis_store_drop(store, store->connection.context->errstr);
                        return;
                }
                if (!digest(store))
                        return;
        }
        if (events & UV_WRITABLE)
                write_out(store);
}

/* A reply that is late is noticed a quarter of the time-out later at most. */
static uint64_t watch_ms(const struct redis_store *store)
{
        int64_t ms = store->config->redis.timeout_ms / 4;
        return ms < WATCH_MAX_MS ? (uint64_t)ms + 1 : WATCH_MAX_MS;
}

static void on_watch(uv_timer_t *timer)
{
        struct redis_store *store = timer->data;
        if (store->ring.count > 0 &&
            clock_boot_ms() - request_ring_at(&store->ring, 0)->sent_ms > store->config->redis.timeout_ms)
                redis_store_drop(store, "redis: no reply in time");
}

/* Before a batch leaves: asks along with it, now and then, whether the server may forget what is written, for
 * its policy can be changed while it runs. */
static void ask_keeps(struct redis_store *store)
{
        int64_t now_ms = clock_boot_ms();
        if (store->connection.keeps_unknown || now_ms - store->keeps_ms < KEEPS_EVERY_MS)
                return;
        store->keeps_ms = now_ms;
        resp_begin(&store->out, 2);
        resp_add_text(&store->out, "INFO");
        resp_add_text(&store->out, "memory");
        redis_ring_push(store, (struct request){.kind = REQUEST_KEEPS, .sent_ms = now_ms});
}

/* Once a loop turn, before it waits: everything that was asked for in the turn leaves in one write. While
 * replicas are waited for Redis does nothing else for this connection: what comes then is one batch, or each
 * turn would wait for its own. */
static void on_flush(uv_prepare_t *prepare)
{
        struct redis_store *store = prepare->data;
        if (!store->up || store->out.len == 0 || store->waiting)
                return;
        ask_keeps(store);
        redis_quick_ask_clock(store);
        if (store->config->redis.replicas > 0)
                redis_store_wait(store);
        write_out(store);
        if (!uv_is_active((uv_handle_t *)store->watch)) /* until no reply is awaited */
                uv_timer_start(store->watch, on_watch, watch_ms(store), watch_ms(store));
}

/* ---- connecting ---- */

static void on_moved(void *context, const char *primary)
{
        drop_for(context, "the sentinels name another primary: ", primary);
}

static void connected(struct redis_store *store, struct redis_connection connection)
{
        store->connection = connection;
        redisContext *context = connection.context;
        context->flags &= ~REDIS_BLOCK;
        redis_reader_bound(context->reader);
        int flags = fcntl(context->fd, F_GETFL);
        if (flags < 0 || fcntl(context->fd, F_SETFL, flags | O_NONBLOCK) != 0)
                abort();
        store->poll = memory_zeroed(1, sizeof(*store->poll));
        if (uv_poll_init(store->loop, store->poll, context->fd) != 0)
                abort();
        store->poll->data = store;
        store->watched = 0;
        store->up = store->ever_up = true;
        store->clock = (struct server_clock){0};
        store->up_ms = store->keeps_ms = clock_boot_ms();
        store->trouble[0] = '\0';
        redis_store_watch(store, UV_READABLE);
        store->follow = redis_follow_start(store->loop, store->config, &store->connection, on_moved, store);
        store->events->up(store->context);
}

static void connect_done(void *context, const struct redis_connection *connection, bool ok)
{
        struct redis_store *store = context;
        store->connecting = NULL;
        if (ok) {
                connected(store, *connection);
        } else if (connection->fatal && !store->ever_up) {
                store->events->fatal(store->context, connection->error);
        } else {
                redis_store_tell_down(store, connection->error, /* was_up = */ false);
                retry_later(store);
        }
}

void redis_node_connect(struct redis_store *store)
{
        store->connecting =
                redis_connecting_start(store->loop, store->reach, store->probe, connect_done, store);
        if (!store->connecting)
                retry_later(store);
}

static void on_retry(uv_timer_t *timer)
{
        redis_node_connect(timer->data);
}

static void retry_later(struct redis_store *store)
{
        /* The microseconds of the clock are random enough for replicas to come back apart. */
        uv_timer_start(store->retry, on_retry, (uint64_t)backoff_next_ms(&store->backoff, uv_hrtime() / 1000),
                       0);
}

struct redis_store *redis_node_new(uv_loop_t *loop, const struct config *config, const char *worker,
                                   const struct redis_store_events *events, void *context)
{
        struct redis_store *store = memory_zeroed(1, sizeof(*store));
        store->loop = loop;
        store->config = config;
        snprintf(store->worker, sizeof(store->worker), "%s", worker);
        store->reach = config;
        snprintf(store->probe, sizeof(store->probe), "%s", worker);
        store->events = events;
        store->context = context;
        store->backoff = (struct backoff){.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS};
        store->watch = memory_zeroed(1, sizeof(*store->watch));
        store->retry = memory_zeroed(1, sizeof(*store->retry));
        store->flush = memory_zeroed(1, sizeof(*store->flush));
        store->more = memory_zeroed(1, sizeof(*store->more));
        uv_timer_init(loop, store->watch);
        uv_timer_init(loop, store->retry);
        uv_prepare_init(loop, store->flush);
        uv_idle_init(loop, store->more);
        store->watch->data = store->retry->data = store->flush->data = store->more->data = store;
        uv_prepare_start(store->flush, on_flush);
        return store;
}

void redis_node_close(struct redis_store *store)
{
        store->closing = true;
        if (store->up && store->out.len > 0)
                write_out(store);
        redis_store_drop(store, "closing");
        if (store->connecting)
                redis_connecting_abandon(store->connecting);
        uv_close((uv_handle_t *)store->watch, handle_free);
        uv_close((uv_handle_t *)store->retry, handle_free);
        uv_close((uv_handle_t *)store->flush, handle_free);
        uv_close((uv_handle_t *)store->more, handle_free);
        buffer_fini(&store->out);
        buffer_fini(&store->key);
        buffer_fini(&store->dump);
        redis_hold_fini(&store->hold);
        free(store->ring.requests);
        free(store->written.requests);
        free(store);
}

void redis_store_trouble(const struct redis_store *store, char *text)
{
        memcpy(text, store->trouble, sizeof(store->trouble));
}

bool redis_store_is_up(const struct redis_store *store)
{
        return store->up;
}

void redis_store_wait(struct redis_store *store)
{
        struct request request = {.kind = REQUEST_WAIT, .sent_ms = clock_boot_ms()};
        resp_begin(&store->out, 3);
        resp_add_text(&store->out, "WAIT");
        resp_add_integer(&store->out, store->config->redis.replicas);
        resp_add_integer(&store->out, redis_wait_ms(store->config));
        redis_ring_push(store, request);
        store->waiting = true;
}
