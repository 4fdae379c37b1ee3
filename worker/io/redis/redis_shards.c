#include "io/redis/redis_shards.h"
#include "core/memory/memory.h"
#include "io/machine/aside.h"
#include "io/machine/clock.h"
#include "io/machine/handle.h"
#include "io/redis/connection/redis_cluster.h"

#include <stdio.h>
#include <stdlib.h>

/* Between two looks for the nodes. */
#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 5000
#define LIVED_MS 1000
/* A request whose keys are on their way from node to node is asked again after so long. */
#define AGAIN_MS 20
/* So often a request follows before it is given back to who asked. */
enum { HOPS_MAX = 100 };

struct shard {
        struct redis_shards *shards;
        struct redis_store *store; /* NULL: no key is this node's */
        bool up;
};

/* One look for the nodes, on a thread. */
struct look {
        struct redis_shards *shards; /* not to be touched by the thread */
        struct arena arena;          /* behind `config` */
        struct config config;        /* only `redis` is set */
        struct redis_connection connection;
        struct redis_slots slots;
        bool ok;
};

struct parked {
        struct redis_store *node; /* to ask */
        struct request request;
};

struct redis_shards {
        struct redis_store *store; /* for all */
        struct redis_slots slots;
        struct shard *list; /* by index in slots.nodes */
        size_t count;
        struct arena arena; /* of list */
        struct aside *looking;
        struct backoff backoff;
        uv_timer_t *retry; /* to look for the nodes, after what there is was given up */
        uv_timer_t *again;
        struct parked *parked;
        size_t parked_count, parked_size;
};

static void shards_on_retry(uv_timer_t *timer);
static bool shards_redirect(struct redis_store *node, const redisReply *reply, struct request request);

/* ---- up and down ---- */

static void give_up(struct redis_shards *shards)
{
        for (size_t i = 0; i < shards->parked_count; i++) {
                redis_request_lost(&shards->parked[i].request);
                free(shards->parked[i].request.bytes);
        }
        shards->parked_count = 0;
        uv_timer_stop(shards->again);
        for (size_t i = 0; i < shards->count; i++)
                if (shards->list[i].store)
                        redis_node_close(shards->list[i].store);
        shards->count = 0;
        arena_reset(&shards->arena);
}

static void down(struct redis_shards *shards, const char *error)
{
        struct redis_store *store = shards->store;
        bool was_up = store->up;
        if (uv_is_active((uv_handle_t *)shards->retry))
                return;
        store->up = false;
        if (was_up && clock_boot_ms() - store->up_ms >= LIVED_MS)
                backoff_reset(&shards->backoff);
        redis_store_tell_down(store, error, was_up);
        /* Not at once: a store does not end inside its own call. */
        uv_timer_start(shards->retry, shards_on_retry,
                       (uint64_t)backoff_next_ms(&shards->backoff, uv_hrtime() / 1000) + 1, 0);
}

static void shard_up(void *context)
{
        struct shard *shard = context;
        struct redis_shards *shards = shard->shards;
        size_t up = 0, all = 0;
        shard->up = true;
        for (size_t i = 0; i < shards->count; i++) {
                all += shards->list[i].store != NULL;
                up += shards->list[i].up;
        }
        if (up < all || uv_is_active((uv_handle_t *)shards->retry))
                return;
        struct redis_store *store = shards->store;
        store->up = store->ever_up = true;
        store->up_ms = clock_boot_ms();
        store->trouble[0] = '\0';
        store->events->up(store->context);
}

static void shard_down(void *context, const char *error)
{
        struct shard *shard = context;
        shard->up = false;
        if (!shard->shards->store->closing)
                down(shard->shards, error);
}

static void shard_fatal(void *context, const char *error)
{
        struct shard *shard = context;
        struct redis_store *store = shard->shards->store;
        if (store->ever_up)
                down(shard->shards, error);
        else
                store->events->fatal(store->context, error);
}

/* ---- looking for the nodes ---- */

static void look_work(void *context)
{
        struct look *look = context;
        struct redis_address address;
        const char *fault = redis_address_of(&look->arena, &look->config, &address);
        look->ok = fault ? redis_connection_fail(&look->connection, true, "redis.url", fault)
                         : redis_cluster_find(&look->config, &address, &look->slots, &look->connection);
}

static void look_drop(void *context)
{
        struct look *look = context;
        arena_fini(&look->arena);
        free(look);
}

static struct redis_store *shard_open(struct shard *shard, const struct redis_cluster_reach *reach)
{
        static const struct redis_store_events events = {
                .up = shard_up, .down = shard_down, .fatal = shard_fatal};
        const struct redis_store *store = shard->shards->store;
        struct redis_store *node = redis_node_new(store->loop, store->config, store->worker, &events, shard);
        node->node_of = shard->shards;
        node->redirect = shards_redirect;
        node->reach = &reach->config;
        snprintf(node->probe, sizeof(node->probe), "%s", reach->name);
        redis_node_connect(node);
        return node;
}

static void shards_start(struct redis_shards *shards, const struct redis_slots *slots)
{
        struct redis_store *store = shards->store;
        shards->slots = *slots;
        shards->list = arena_alloc(&shards->arena, slots->count * sizeof(*shards->list));
        memset(shards->list, 0, slots->count * sizeof(*shards->list));
        shards->count = slots->count;
        for (size_t i = 0; i < shards->count; i++) {
                struct shard *shard = &shards->list[i];
                shard->shards = shards;
                const struct redis_cluster_reach *reach =
                        redis_cluster_reach(&shards->arena, store->config, slots, i, store->worker);
                if (reach)
                        shard->store = shard_open(shard, reach);
        }
}

static void look_done(void *context)
{
        struct look *look = context;
        struct redis_shards *shards = look->shards;
        shards->looking = NULL;
        if (look->ok)
                shards_start(shards, &look->slots);
        else if (look->connection.fatal && !shards->store->ever_up)
                shards->store->events->fatal(shards->store->context, look->connection.error);
        else
                down(shards, look->connection.error);
        look_drop(look);
}

static void look_start(struct redis_shards *shards)
{
        static const struct aside_job job = {.work = look_work, .done = look_done, .drop = look_drop};
        struct look *look = memory_zeroed(1, sizeof(*look));
        look->shards = shards;
        arena_init(&look->arena);
        redis_config_copy(&look->arena, shards->store->config, &look->config);
        shards->looking = aside_start(shards->store->loop, &job, look);
        if (shards->looking)
                return;
        look_drop(look);
        down(shards, "redis: there is no thread to connect with");
}

static void shards_on_retry(uv_timer_t *timer)
{
        struct redis_shards *shards = timer->data;
        give_up(shards);
        if (!shards->looking)
                look_start(shards);
}

/* ---- requests that go elsewhere ---- */

struct redis_store *redis_store_of(struct redis_store *store, struct slice key)
{
        struct redis_shards *shards = store->shards;
        if (!shards || !store->up)
                return store;
        struct redis_store *node = shards->list[shards->slots.owner[redis_slot(key)]].store;
        return node ? node : store;
}

static void lose(struct request *request)
{
        redis_request_lost(request);
        free(request->bytes);
}

static void on_again(uv_timer_t *timer)
{
        struct redis_shards *shards = timer->data;
        size_t count = shards->parked_count;
        struct parked *parked = shards->parked;
        shards->parked = NULL;
        shards->parked_count = shards->parked_size = 0;
        for (size_t i = 0; i < count; i++)
                if (!redis_store_forward(parked[i].node, &parked[i].request, /* asking = */ false))
                        lose(&parked[i].request);
        free(parked);
}

static void park(struct redis_shards *shards, struct redis_store *node, struct request request)
{
        if (shards->parked_count == shards->parked_size) {
                shards->parked_size = shards->parked_size ? 2 * shards->parked_size : 64;
                shards->parked =
                        memory_resized(shards->parked, shards->parked_size * sizeof(*shards->parked));
        }
        shards->parked[shards->parked_count++] = (struct parked){.node = node, .request = request};
        if (!uv_is_active((uv_handle_t *)shards->again))
                uv_timer_start(shards->again, on_again, AGAIN_MS, 0);
}

/* The node that the redirection names; NULL: it is none that we know, and the cluster is to be asked. */
static struct redis_store *target_of(struct redis_shards *shards, const struct redis_store *from,
                                     struct redis_redirect *redirect)
{
        if (!redirect->host[0]) { /* the one that answered */
                for (size_t i = 0; i < shards->count; i++)
                        if (shards->list[i].store == from)
                                snprintf(redirect->host, sizeof(redirect->host), "%s",
                                         shards->slots.nodes[i].host);
        }
        int node = redis_slots_find(&shards->slots, redirect->host, redirect->port);
        if (node < 0 || !shards->list[node].store)
                return NULL;
        if (redirect->kind == REDIRECT_MOVED)
                redis_slots_assign(&shards->slots, redirect->slot, redirect->slot, node);
        return shards->list[node].store;
}

/* As `redirect` of struct redis_store. */
static bool shards_redirect(struct redis_store *node, const redisReply *reply, struct request request)
{
        struct redis_shards *shards = node->node_of;
        struct redis_redirect redirect =
                redis_redirect_parse((struct slice){.data = reply->str, .len = reply->len});
        if (redirect.kind == REDIRECT_NONE)
                return false;
        if (!request.bytes || ++request.hops > HOPS_MAX) {
                lose(&request);
                return true;
        }
        if (redirect.kind == REDIRECT_AGAIN) {
                park(shards, node, request);
                return true;
        }
        char text[400];
        struct redis_store *target = target_of(shards, node, &redirect);
        if (target && redis_store_forward(target, &request, redirect.kind == REDIRECT_ASK))
                return true;
        lose(&request);
        snprintf(text, sizeof(text), "redis: the cluster has another node: %.256s:%d", redirect.host,
                 redirect.port);
        if (!target)
                down(shards, text);
        return true;
}

static bool node_keeps_unknown(const struct redis_store *node)
{
        return node->up && node->connection.keeps_unknown;
}

bool redis_shards_keep_unknown(const struct redis_shards *shards)
{
        for (size_t i = 0; i < shards->count; i++)
                if (shards->list[i].store && node_keeps_unknown(shards->list[i].store))
                        return true;
        return false;
}

void redis_shards_found(const struct redis_shards *shards, char text[REDIS_FOUND_SIZE])
{
        char server[REDIS_FOUND_SIZE] = "";
        for (size_t i = shards->count; i-- > 0;)
                if (shards->list[i].store && shards->list[i].up)
                        snprintf(server, sizeof(server), "%s", shards->list[i].store->connection.found);
        snprintf(text, REDIS_FOUND_SIZE, "a cluster of %zu primaries, %.300s", shards->count, server);
}

/* ---- open and close ---- */

static uv_timer_t *timer_new(struct redis_shards *shards)
{
        uv_timer_t *timer = memory_zeroed(1, sizeof(*timer));
        uv_timer_init(shards->store->loop, timer);
        timer->data = shards;
        return timer;
}

struct redis_shards *redis_shards_open(struct redis_store *store)
{
        struct redis_shards *shards = memory_zeroed(1, sizeof(*shards));
        shards->store = store;
        shards->backoff = (struct backoff){.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS};
        arena_init(&shards->arena);
        shards->retry = timer_new(shards);
        shards->again = timer_new(shards);
        look_start(shards);
        return shards;
}

void redis_shards_close(struct redis_shards *shards)
{
        give_up(shards);
        if (shards->looking)
                aside_abandon(shards->looking);
        uv_close((uv_handle_t *)shards->retry, handle_free);
        uv_close((uv_handle_t *)shards->again, handle_free);
        arena_fini(&shards->arena);
        free(shards->parked);
        free(shards);
}
