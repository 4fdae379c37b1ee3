#include "core/memory/memory.h"
#include "core/text/shorten.h"
#include "io/machine/clock.h"
#include "io/machine/handle.h"
#include "io/machine/turn.h"
#include "io/redis/redis_store_state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

/* Between two tries to connect. */
#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 5000
/* A connection that held so long was a success. */
#define LIVED_MS 1000
#define WATCH_MAX_MS 1000
/* Each may plan a job, 50 us or more: so many, and more only in a turn that is short. */
#define REPLIES_AT_LEAST 4

static void on_poll(uv_poll_t *poll, int status, int events);

void redis_ring_push(struct redis_store *store, struct request request)
{
        if (store->ring_count == store->ring_size) {
                size_t size = store->ring_size ? store->ring_size * 2 : 256;
                struct request *ring = memory_zeroed(size, sizeof(*ring));
                for (size_t i = 0; i < store->ring_count; i++)
                        ring[i] = store->ring[(store->ring_head + i) % store->ring_size];
                free(store->ring);
                store->ring = ring;
                store->ring_size = size;
                store->ring_head = 0;
        }
        store->ring[(store->ring_head + store->ring_count++) % store->ring_size] = request;
}

struct request redis_ring_pop(struct redis_store *store)
{
        struct request request = store->ring[store->ring_head];
        store->ring_head = (store->ring_head + 1) % store->ring_size;
        store->ring_count--;
        return request;
}

void redis_request_lost(const struct request *request)
{
        if (request->strings)
                request->strings(request->context, true, NULL, 0);
        else if (request->done)
                request->done(request->context,
                              &(struct store_result){.lost = true, .sent_ms = request->sent_ms});
}

static void retry_later(struct redis_store *store);

/* Of tries that fail alike the first is told alone. */
static void down_tell(struct redis_store *store, const char *error, bool was_up)
{
        text_shorten(store->trouble, sizeof(store->trouble), error);
        if (!was_up && strcmp(store->trouble, store->told) == 0)
                return;
        memcpy(store->told, store->trouble, sizeof(store->told));
        store->events->down(store->context, store->trouble);
}

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
        uv_idle_stop(store->more);
        redis_follow_stop(store->follow);
        store->follow = NULL;
        redis_connection_close(&store->connection);
        buffer_clear(&store->out);
        bool was_up = store->up;
        store->up = false;
        size_t count = store->ring_count;
        while (count--) {
                struct request request = redis_ring_pop(store);
                redis_request_lost(&request);
        }
        if (store->closing)
                return;
        if (was_up && clock_boot_ms() - store->up_ms >= LIVED_MS)
                backoff_reset(&store->backoff);
        down_tell(store, text, was_up);
        retry_later(store);
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
                redisReply *reply = NULL;
                if (redisGetReplyFromReader(store->connection.context, (void **)&reply) != REDIS_OK) {
                        char why[200];
                        snprintf(why, sizeof(why), "redis: the reply cannot be read: %.120s",
                                 store->connection.context->errstr);
                        drop(store, why);
                        return false;
                }
                if (!reply)
                        return true;
                bool ok = store->ring_count > 0 && redis_store_answer(store, reply);
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
        if (store->ring_count == 0) /* an idle process is not woken for it */
                uv_timer_stop(store->watch);
        return true;
}

/* No socket event announces what was read already. */
static void on_more(uv_idle_t *idle)
{
        digest(idle->data);
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
                        memory_out();
                buffer_clear(&store->out);
        }
        /* Not asked whether it is done: hiredis 0.14 looks into its next buffer though it got none. */
        if (redisBufferWrite(context, NULL) != REDIS_OK) {
                drop(store, context->errstr);
                return;
        }
        if (!context->obuf)
                memory_out();
        watch(store, sdslen(context->obuf) == 0 ? UV_READABLE : UV_READABLE | UV_WRITABLE);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct redis_store *store = poll->data;
        turn_worked();
        if (status < 0) {
                drop(store, uv_strerror(status));
                return;
        }
        if (events & UV_READABLE && !uv_is_active((uv_handle_t *)store->more)) {
                if (redisBufferRead(store->connection.context) != REDIS_OK) {
                        drop(store, store->connection.context->errstr);
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
        if (store->ring_count > 0 &&
            clock_boot_ms() - store->ring[store->ring_head].sent_ms > store->config->redis.timeout_ms)
                drop(store, "redis: no reply in time");
}

/* Once a loop turn, before it waits: everything that was asked for in the turn leaves in one write. */
static void on_flush(uv_prepare_t *prepare)
{
        struct redis_store *store = prepare->data;
        if (!store->up || store->out.len == 0)
                return;
        write_out(store);
        if (!uv_is_active((uv_handle_t *)store->watch)) /* until no reply is awaited */
                uv_timer_start(store->watch, on_watch, watch_ms(store), watch_ms(store));
}

/* ---- connecting ---- */

static void on_moved(void *context, const char *primary)
{
        char text[256];
        snprintf(text, sizeof(text), "redis: the sentinels name another primary: %.200s", primary);
        drop(context, text);
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
        store->up_ms = clock_boot_ms();
        store->trouble[0] = '\0';
        watch(store, UV_READABLE);
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
                down_tell(store, connection->error, /* was_up = */ false);
                retry_later(store);
        }
}

static void connect_start(struct redis_store *store)
{
        store->connecting =
                redis_connecting_start(store->loop, store->config, store->worker, connect_done, store);
        if (!store->connecting)
                retry_later(store);
}

static void on_retry(uv_timer_t *timer)
{
        connect_start(timer->data);
}

static void retry_later(struct redis_store *store)
{
        /* The microseconds of the clock are random enough for replicas to come back apart. */
        uv_timer_start(store->retry, on_retry, (uint64_t)backoff_next_ms(&store->backoff, uv_hrtime() / 1000),
                       0);
}

struct redis_store *redis_store_open(uv_loop_t *loop, const struct config *config, const char *worker,
                                     const struct redis_store_events *events, void *context)
{
        struct redis_store *store = memory_zeroed(1, sizeof(*store));
        store->loop = loop;
        store->config = config;
        snprintf(store->worker, sizeof(store->worker), "%s", worker);
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
                redis_connecting_abandon(store->connecting);
        uv_close((uv_handle_t *)store->watch, handle_free);
        uv_close((uv_handle_t *)store->retry, handle_free);
        uv_close((uv_handle_t *)store->flush, handle_free);
        uv_close((uv_handle_t *)store->more, handle_free);
        buffer_fini(&store->out);
        buffer_fini(&store->key);
        free(store->ring);
        free(store);
}

void redis_store_trouble(const struct redis_store *store, char *text)
{
        memcpy(text, store->trouble, sizeof(store->trouble));
}

bool redis_store_keeps_unknown(const struct redis_store *store)
{
        return store->up && store->connection.keeps_unknown;
}

bool redis_store_is_up(const struct redis_store *store)
{
        return store->up;
}
