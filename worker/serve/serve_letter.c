#include "io/machine/clock.h"
#include "query/dlq/dlq.h"
#include "serve/serve.h"

#include <string.h>

/* A whole letter, taken out of its queue for a moment: what the index keeps of it has no headers, and of a
 * long body only the beginning. */

/* Of a queue in which very many lie before it, this gives up. */
enum { READ_MS = 20000 };

struct reading {
        const struct serve_call *call;
        struct dlq dlq;
        struct letter_entry entry, *place;
        int64_t until_ms;
        int status;
        const char *told; /* in the query's arena */
};

static bool on_letter_stopped(struct dlq *dlq)
{
        const struct reading *reading = dlq->context;
        return clock_boot_ms() >= reading->until_ms;
}

static void serve_letter_on_told(struct dlq *dlq, int status, const char *text)
{
        struct reading *reading = dlq->context;
        reading->status = status;
        reading->told = arena_strdup(dlq->query.arena, text);
}

static void add_letter(const struct reading *reading, const struct message *message)
{
        struct letter letter;
        struct buffer *out = &reading->call->answer->body;
        letter_read(reading->dlq.query.arena, &reading->dlq, message, &letter);
        letter_json(out, &letter, message);
}

static void read_letter(void *context)
{
        struct reading *reading = context;
        struct dlq_walk walk;
        uint64_t tag;
        if (dlq_walk_open(&walk, &reading->dlq, "show") != DLQ_OK)
                return;
        const struct message *message = dlq_walk_find(&walk, &tag);
        if (message) {
                dlq_walk_hold(&walk, tag);
                add_letter(reading, message);
        }
        dlq_walk_close(&walk);
}

/* The index has no more than this one for who walks. */
static void letter_choose(struct reading *reading, const struct redis_value *hash)
{
        struct dlq *dlq = &reading->dlq;
        reading->place = &reading->entry;
        reading->entry = (struct letter_entry){.dead_id = reading->call->words[1],
                                               .id = query_text(&dlq->query, redis_value_field(hash, "id")),
                                               .copies = 1,
                                               .wanted = true};
        dlq->entries = &reading->entry;
        dlq->by_dead_id = &reading->place;
        dlq->count = dlq->capacity = dlq->wanted = 1;
        dlq->wanted_messages = 1;
}

static void serve_letter_refuse(const struct reading *reading)
{
        const char *told = reading->told ? reading->told : "the letter cannot be read";
        if (on_letter_stopped((struct dlq *)(uintptr_t)&reading->dlq))
                serve_refuse(reading->call, 503,
                             "too many letters lie before it; leveret dlq show --full has more time");
        else if (reading->status == DLQ_REFUSED)
                serve_refuse(reading->call, 409, told);
        else if (reading->status == DLQ_NOT_FOUND)
                serve_refuse(reading->call, 404, told);
        else
                serve_refuse(reading->call, 503, told);
}

void serve_dead_message(const struct serve_call *call)
{
        const struct redis_value *hash = letter_find(call->query, call->words[1]);
        struct reading reading = {.call = call, .until_ms = clock_boot_ms() + READ_MS};
        reading.dlq = (struct dlq){.query = *call->query,
                                   .types = call->types,
                                   .who = arena_printf(call->query->arena, "%s over HTTP@%s",
                                                       call->who->token ? call->who->token : "nobody",
                                                       dlq_host(call->query->arena)),
                                   .told = serve_letter_on_told,
                                   .stopped = on_letter_stopped,
                                   .context = &reading};
        if (hash->kind == REDIS_FAILED) {
                serve_refuse_redis(call);
                return;
        }
        if (hash->count == 0 || !slice_is(redis_value_field(hash, "queue"), call->words[0]) ||
            !dlq_name(&reading.dlq, call->words[0])) {
                serve_refuse(call, 404, "no such dead letter is known of this queue");
                return;
        }
        letter_choose(&reading, hash);
        bool ran = dlq_run_on_big_stack(read_letter, &reading);
        if (!ran || call->answer->body.len == 0)
                serve_letter_refuse(&reading);
}
