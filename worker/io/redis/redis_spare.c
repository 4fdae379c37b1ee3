#include "io/redis/redis_spare.h"
#include "core/job/backoff.h"
#include "core/memory/memory.h"
#include "io/machine/handle.h"
#include "io/redis/redis_connecting.h"

#include <stdio.h>
#include <stdlib.h>

/* Between two tries. */
#define BACKOFF_BASE_MS 500
#define BACKOFF_CAP_MS 5000

struct redis_spare {
        uv_loop_t *loop;
        const struct config *config;
        redis_spare_changed *changed;
        void *context;
        struct redis_connection connection;
        struct redis_connecting *connecting;
        struct backoff backoff;
        uv_poll_t *poll; /* while connected */
        uv_timer_t *retry;
        bool tried;
};

static void redis_spare_drop(struct redis_spare *spare)
{
        if (!spare->poll)
                return;
        spare->changed(spare->context, -1, ""); /* before the descriptor's number can be given out again */
        uv_poll_stop(spare->poll);
        uv_close((uv_handle_t *)spare->poll, handle_free);
        spare->poll = NULL;
        redis_connection_close(&spare->connection);
}

static void spare_connect_start(struct redis_spare *spare);

static void spare_on_retry(uv_timer_t *timer)
{
        spare_connect_start(timer->data);
}

static void spare_retry_later(struct redis_spare *spare)
{
        uv_timer_start(spare->retry, spare_on_retry,
                       (uint64_t)backoff_next_ms(&spare->backoff, uv_hrtime() / 1000), 0);
}

/* Nothing was asked, so whatever there is to read is its end. */
static void redis_spare_on_poll(uv_poll_t *poll, int status, int events)
{
        (void)status, (void)events;
        struct redis_spare *spare = poll->data;
        redis_spare_drop(spare);
        spare_retry_later(spare);
}

static void spare_connected(struct redis_spare *spare, struct redis_connection connection)
{
        spare->connection = connection;
        spare->poll = memory_zeroed(1, sizeof(*spare->poll));
        if (uv_poll_init(spare->loop, spare->poll, connection.context->fd) != 0)
                abort();
        spare->poll->data = spare;
        if (uv_poll_start(spare->poll, UV_READABLE, redis_spare_on_poll) != 0)
                abort();
        backoff_reset(&spare->backoff);
        spare->changed(spare->context, connection.context->fd, connection.sha[REDIS_SCRIPT_KILLED]);
}

static void spare_connect_done(void *context, const struct redis_connection *connection, bool ok)
{
        struct redis_spare *spare = context;
        spare->connecting = NULL;
        spare->tried = true;
        if (ok)
                spare_connected(spare, *connection);
        else
                spare_retry_later(spare);
}

static void spare_connect_start(struct redis_spare *spare)
{
        spare->connecting =
                redis_connecting_start(spare->loop, spare->config, NULL, spare_connect_done, spare);
        if (spare->connecting)
                return;
        spare->tried = true;
        spare_retry_later(spare);
}

struct redis_spare *redis_spare_open(uv_loop_t *loop, const struct config *config,
                                     redis_spare_changed *changed, void *context)
{
        struct redis_spare *spare = memory_zeroed(1, sizeof(*spare));
        spare->loop = loop;
        spare->config = config;
        spare->changed = changed;
        spare->context = context;
        spare->backoff = (struct backoff){.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS};
        spare->retry = memory_zeroed(1, sizeof(*spare->retry));
        uv_timer_init(loop, spare->retry);
        spare->retry->data = spare;
        spare->tried = redis_url_is_encrypted(config->redis.url) || redis_url_is_cluster(config->redis.url);
        if (!spare->tried)
                spare_connect_start(spare);
        return spare;
}

void redis_spare_close(struct redis_spare *spare)
{
        redis_spare_drop(spare);
        if (spare->connecting)
                redis_connecting_abandon(spare->connecting);
        uv_close((uv_handle_t *)spare->retry, handle_free);
        free(spare);
}

bool redis_spare_tried(const struct redis_spare *spare)
{
        return spare->tried;
}
