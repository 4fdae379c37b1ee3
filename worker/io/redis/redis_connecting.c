#include "io/redis/redis_connecting.h"
#include "core/memory/arena.h"
#include "core/memory/memory.h"
#include "io/machine/aside.h"
#include "io/redis/connection/redis_probe.h"

#include <stdio.h>
#include <stdlib.h>

struct redis_connecting {
        struct aside *aside;
        struct arena arena;         /* behind `config`: the try may outlive what it was started for */
        struct config config;       /* only `redis` is set */
        char name[128];             /* "": none */
        redis_connected *connected; /* not to be touched by the thread, nor `context` */
        void *context;
        struct redis_connection connection;
        bool ok;
};

static void redis_connecting_work(void *context)
{
        struct redis_connecting *connecting = context;
        struct redis_connection *connection = &connecting->connection;
        const char *name = connecting->name[0] ? connecting->name : NULL;
        connecting->ok = redis_connection_open(connection, &connecting->config, name) &&
                         (!name || redis_probe_replicas(connection, &connecting->config));
        if (!connecting->ok)
                redis_connection_close(connection);
}

static void redis_connecting_drop(void *context)
{
        struct redis_connecting *connecting = context;
        redis_connection_close(&connecting->connection);
        arena_fini(&connecting->arena);
        free(connecting);
}

static void redis_connecting_done(void *context)
{
        struct redis_connecting *connecting = context;
        connecting->connected(connecting->context, &connecting->connection, connecting->ok);
        connecting->connection.context = NULL; /* the callee's */
        redis_connecting_drop(connecting);
}

struct redis_connecting *redis_connecting_start(uv_loop_t *loop, const struct config *config,
                                                const char *name, redis_connected *connected, void *context)
{
        static const struct aside_job job = {
                .work = redis_connecting_work, .done = redis_connecting_done, .drop = redis_connecting_drop};
        struct redis_connecting *connecting = memory_zeroed(1, sizeof(*connecting));
        arena_init(&connecting->arena);
        redis_config_copy(&connecting->arena, config, &connecting->config);
        snprintf(connecting->name, sizeof(connecting->name), "%s", name ? name : "");
        connecting->connected = connected;
        connecting->context = context;
        connecting->aside = aside_start(loop, &job, connecting);
        if (connecting->aside)
                return connecting;
        redis_connecting_drop(connecting);
        return NULL;
}

void redis_connecting_abandon(struct redis_connecting *connecting)
{
        aside_abandon(connecting->aside);
}
