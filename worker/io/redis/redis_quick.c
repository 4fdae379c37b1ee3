#include "io/redis/redis_quick.h"
#include "core/codec/resp.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"

#include <stdlib.h>
#include <string.h>

static void dump_field(struct redis_dump *dump, const char *name, struct slice value)
{
        redis_dump_add_text(dump, name);
        redis_dump_add(dump, value);
}

static void dump_number(struct redis_dump *dump, const char *name, int64_t value)
{
        redis_dump_add_text(dump, name);
        redis_dump_add_integer(dump, value);
}

size_t redis_claim_particulars(const struct store_claim *claim, struct slice list[][2])
{
        const struct slice all[][2] = {
                {SLICE_LITERAL("subject"), claim->subject},
                {SLICE_LITERAL("correlation_id"), claim->correlation_id},
                {SLICE_LITERAL("app_id"), claim->app_id},
                {SLICE_LITERAL("types"), claim->types},
                {SLICE_LITERAL("source_id"), claim->source_id},
        };
        size_t count = 0;
        _Static_assert(sizeof(all) / sizeof(*all) == CLAIM_PARTICULARS_MAX, "room for each");
        for (size_t i = 0; i < CLAIM_PARTICULARS_MAX; i++) {
                if (all[i][1].len == 0)
                        continue;
                list[count][0] = all[i][0];
                list[count++][1] = all[i][1];
        }
        return count;
}

/* The fields of claim_new.lua. */
static void dump_record(struct redis_store *store, const struct store_identity *identity,
                        const struct store_claim *claim, int64_t now_ms)
{
        int64_t lease_ms = store->config->claim.lease_ms;
        struct slice particulars[CLAIM_PARTICULARS_MAX][2];
        size_t count = redis_claim_particulars(claim, particulars);
        struct redis_dump dump;
        buffer_clear(&store->dump);
        redis_dump_begin(&dump, &store->dump);
        dump_field(&dump, "state", SLICE_LITERAL("running"));
        dump_field(&dump, "owner", identity->owner);
        dump_number(&dump, "lease_until_ms", now_ms + lease_ms + server_clock_slack_ms(lease_ms));
        dump_field(&dump, "redrives", SLICE_LITERAL("0"));
        dump_field(&dump, "attempt", SLICE_LITERAL("0"));
        dump_field(&dump, "deferrals", SLICE_LITERAL("0"));
        dump_field(&dump, "fingerprint", identity->fingerprint);
        dump_field(&dump, "type", identity->type);
        dump_field(&dump, "queue", identity->queue);
        dump_field(&dump, "worker", slice_of(store->worker));
        dump_field(&dump, "starts", SLICE_LITERAL("1"));
        dump_number(&dump, "created_ms", now_ms);
        dump_number(&dump, "started_ms", now_ms);
        for (size_t i = 0; i < count; i++) {
                redis_dump_add(&dump, particulars[i][0]);
                redis_dump_add(&dump, particulars[i][1]);
        }
        redis_dump_end(&dump, &store->connection.crc);
}

static bool is_first_try(const struct store_identity *identity, const struct store_claim *claim)
{
        const struct job_generation *generation = &identity->generation;
        return !claim->known && claim->first_seen_ms <= 0 &&
               generation->redrives + generation->attempt + generation->deferrals == 0;
}

bool redis_quick_claim(struct redis_store *store, const struct store_identity *identity,
                       const struct store_claim *claim, struct request request)
{
        int64_t now_ms = server_clock_now(&store->clock, request.sent_ms);
        if (!store->connection.restores || now_ms == 0 || !is_first_try(identity, claim))
                return false;
        struct buffer *out = &store->out;
        dump_record(store, identity, claim, now_ms);
        buffer_clear(&store->key);
        record_key_add(&store->key, store->config->redis.prefix, KEY_JOB, identity->id);
        resp_begin(out, 4);
        resp_add_text(out, "RESTORE");
        resp_add(out, (struct slice){.data = store->key.data, .len = store->key.len});
        resp_add_integer(out, config_record_keep_ms(store->config));
        resp_add(out, (struct slice){.data = store->dump.data, .len = store->dump.len});
        request.quick_ms = now_ms;
        redis_ring_push(store, request);
        return true;
}

bool redis_quick_answer(struct redis_store *store, const redisReply *reply)
{
        bool known = reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYKEY", 7) == 0;
        bool written = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0;
        if (!known && !written)
                return false;
        struct request request = redis_ring_pop(store);
        if (known) {
                struct store_result result = {.sent_ms = request.sent_ms, .known = true};
                request.done(request.context, &result);
                free(request.bytes);
        } else {
                request_ring_add(&store->written, request);
        }
        return true;
}

void redis_quick_ask_clock(struct redis_store *store)
{
        int64_t now_ms = clock_boot_ms();
        bool wanted = store->connection.restores && server_clock_now(&store->clock, now_ms) == 0;
        if (!wanted && !store->counts_on_clock)
                return;
        store->counts_on_clock = false;
        resp_begin(&store->out, 1);
        resp_add_text(&store->out, "TIME");
        redis_ring_push(store, (struct request){.kind = REQUEST_CLOCK, .sent_ms = now_ms});
}

/* Milliseconds since 1970; 0: it does not say. */
static int64_t time_parse(const redisReply *reply)
{
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[0]->str ||
            !reply->element[1]->str)
                return 0;
        return strtoll(reply->element[0]->str, NULL, 10) * 1000 +
               strtoll(reply->element[1]->str, NULL, 10) / 1000;
}

void redis_quick_clock_told(struct redis_store *store, const redisReply *reply)
{
        struct request asked = redis_ring_pop(store);
        int64_t server_ms = time_parse(reply);
        int64_t slack_ms = server_clock_slack_ms(store->config->claim.lease_ms);
        free(asked.bytes);
        if (server_ms > 0)
                server_clock_told(&store->clock, asked.sent_ms, clock_boot_ms(), server_ms);
        /* Who is told may ask for more, which is not proven by this answer, or drop the connection. */
        for (size_t count = store->written.count; count > 0 && store->written.count > 0; count--) {
                struct request claim = request_ring_take(&store->written);
                bool kept = server_ms > 0 && server_clock_kept(claim.sent_ms, claim.quick_ms, slack_ms,
                                                               asked.sent_ms, server_ms);
                struct store_result result = {.sent_ms = claim.sent_ms,
                                              .known = !kept,
                                              .claim = CLAIM_NEW,
                                              .created_ms = kept ? claim.quick_ms : 0,
                                              .starts = 1};
                claim.done(claim.context, &result);
                free(claim.bytes);
        }
}
