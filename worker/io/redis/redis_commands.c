#include "core/codec/resp.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "io/redis/redis_shards.h"
#include "io/redis/redis_store_state.h"

/* What is asked of Redis beside jobs: commands, and the scripts that have one key. */

/* The store of the node that has the key; a command without one could go to any node, and goes to none. */
static struct redis_store *store_of_command(struct redis_store *store, const struct slice *arguments,
                                            size_t count)
{
        size_t at = store->shards ? redis_key_index(arguments, count) : 0;
        return at > 0 ? redis_store_of(store, arguments[at]) : store;
}

static struct request query_request(store_strings *done, void *context)
{
        return (struct request){
                .kind = REQUEST_QUERY, .strings = done, .context = context, .sent_ms = clock_boot_ms()};
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
        store = store_of_command(store, arguments, count);
        struct request request = {
                .kind = REQUEST_COMMAND, .done = done, .context = context, .sent_ms = clock_boot_ms()};
        if (redis_refuse_while_down(store, request))
                return;
        add_arguments(&store->out, arguments, count);
        redis_ring_push(store, request);
}

void redis_store_query(struct redis_store *store, const struct slice *arguments, size_t count,
                       store_strings *done, void *context)
{
        store = store_of_command(store, arguments, count);
        struct request request = query_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        add_arguments(&store->out, arguments, count);
        redis_ring_push(store, request);
}

static void ask_of_key(struct redis_store *store, enum redis_script script, struct request request,
                       const struct slice *arguments, size_t count)
{
        store = redis_store_of(store, arguments[0]);
        if (redis_refuse_while_down(store, request))
                return;
        resp_begin(&store->out, 3 + count);
        resp_add_text(&store->out, "EVALSHA");
        resp_add(&store->out, (struct slice){.data = store->connection.sha[script], .len = 40});
        resp_add_text(&store->out, "1");
        for (size_t i = 0; i < count; i++)
                resp_add(&store->out, arguments[i]);
        redis_ring_push(store, request);
}

void redis_store_tick(struct redis_store *store, const struct slice *arguments, size_t count,
                      store_strings *done, void *context)
{
        ask_of_key(store, REDIS_SCRIPT_TICK, query_request(done, context), arguments, count);
}

void redis_store_queued(struct redis_store *store, const struct slice *arguments, size_t count,
                        store_strings *done, void *context)
{
        ask_of_key(store, REDIS_SCRIPT_QUEUED, query_request(done, context), arguments, count);
}

void redis_store_due(struct redis_store *store, const struct slice *arguments, size_t count,
                     store_strings *done, void *context)
{
        ask_of_key(store, REDIS_SCRIPT_DUE, query_request(done, context), arguments, count);
}

void redis_store_rate(struct redis_store *store, struct store_rate rate,
                      const struct share_question *question, store_strings *done, void *context)
{
        struct request request = query_request(done, context);
        request.kind = REQUEST_RATE;
        buffer_clear(&store->key);
        record_key_add(&store->key, store->config->redis.prefix, rate.domain ? KEY_RATE_DOMAIN : KEY_RATE,
                       rate.name);
        struct slice key = {.data = store->key.data, .len = store->key.len};
        store = redis_store_of(store, key);
        if (redis_refuse_while_down(store, request))
                return;
        const int64_t numbers[] = {question->step_us, question->count,   question->weight, question->ahead_us,
                                   question->second,  question->near_us, question->far_us, question->pause_ms,
                                   question->put_off, question->back};
        size_t count = sizeof(numbers) / sizeof(*numbers);
        struct buffer *out = &store->out;
        resp_begin(out, 4 + count);
        resp_add_text(out, "EVALSHA");
        resp_add(out, (struct slice){.data = store->connection.sha[REDIS_SCRIPT_RATE], .len = 40});
        resp_add_text(out, "1");
        resp_add(out, key);
        for (size_t i = 0; i < count; i++)
                resp_add_integer(out, numbers[i]);
        redis_ring_push(store, request);
}
