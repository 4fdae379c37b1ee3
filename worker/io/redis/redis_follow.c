#include "io/redis/redis_follow.h"
#include "core/memory/arena.h"
#include "core/memory/memory.h"
#include "io/machine/aside.h"
#include "io/machine/handle.h"
#include "io/redis/connection/redis_sentinel.h"
#include "io/redis/redis_connecting.h"

#include <stdio.h>
#include <stdlib.h>

/* After a promotion a worker that nobody told goes on with the old primary for so long at most. */
#define ASK_EVERY_MS 5000

/* One question, the thread's. */
struct look {
        struct redis_follow *follow; /* not to be touched by the thread */
        struct arena arena;          /* behind `config` */
        struct config config;        /* only `redis` is set */
        struct redis_connection connection;
        struct redis_primary primary;
        bool ok;
};

struct redis_follow {
        uv_loop_t *loop;
        const struct config *config;
        char primary[REDIS_PRIMARY_SIZE];
        int64_t epoch;
        redis_moved *moved;
        void *context;
        uv_timer_t *timer;
        struct aside *aside; /* a question is under way */
};

static void redis_follow_work(void *context)
{
        struct look *look = context;
        struct redis_address address;
        look->ok = !redis_address_of(&look->arena, &look->config, &address) &&
                   redis_sentinel_ask(&look->config, &address, &look->primary, &look->connection);
}

static void redis_follow_drop(void *context)
{
        struct look *look = context;
        arena_fini(&look->arena);
        free(look);
}

/* Sentinels that write one address in two ways must not part a worker from its primary: where epochs are told
 * it takes a later one. */
static void redis_follow_done(void *context)
{
        struct look *look = context;
        struct redis_follow *follow = look->follow;
        char primary[REDIS_PRIMARY_SIZE];
        bool ok = look->ok;
        int64_t epoch = look->primary.answer.epoch;
        redis_primary_name(&look->primary, primary);
        redis_follow_drop(look);
        follow->aside = NULL;
        if (ok && strcmp(primary, follow->primary) != 0 && (epoch == 0 || epoch > follow->epoch))
                follow->moved(follow->context, primary);
}

static void redis_follow_on_timer(uv_timer_t *timer)
{
        static const struct aside_job job = {
                .work = redis_follow_work, .done = redis_follow_done, .drop = redis_follow_drop};
        struct redis_follow *follow = timer->data;
        if (follow->aside)
                return;
        struct look *look = memory_zeroed(1, sizeof(*look));
        look->follow = follow;
        arena_init(&look->arena);
        redis_config_copy(&look->arena, follow->config, &look->config);
        follow->aside = aside_start(follow->loop, &job, look);
        if (!follow->aside)
                redis_follow_drop(look);
}

struct redis_follow *redis_follow_start(uv_loop_t *loop, const struct config *config,
                                        const struct redis_connection *connection, redis_moved *moved,
                                        void *context)
{
        if (!connection->primary[0])
                return NULL;
        struct redis_follow *follow = memory_zeroed(1, sizeof(*follow));
        follow->loop = loop;
        follow->config = config;
        snprintf(follow->primary, sizeof(follow->primary), "%s", connection->primary);
        follow->epoch = connection->epoch;
        follow->moved = moved;
        follow->context = context;
        follow->timer = memory_zeroed(1, sizeof(*follow->timer));
        uv_timer_init(loop, follow->timer);
        follow->timer->data = follow;
        uv_timer_start(follow->timer, redis_follow_on_timer, ASK_EVERY_MS, ASK_EVERY_MS);
        return follow;
}

void redis_follow_stop(struct redis_follow *follow)
{
        if (!follow)
                return;
        if (follow->aside)
                aside_abandon(follow->aside);
        uv_close((uv_handle_t *)follow->timer, handle_free);
        free(follow);
}
