#include "core/codec/resp.h"
#include "core/memory/memory.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"
#include "io/machine/handle.h"
#include "io/redis/redis_quick.h"
#include "io/redis/redis_shards.h"
#include "io/redis/redis_store_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What is asked of Redis about a job: the scripts with their arguments. Other commands: redis_commands.c. */

struct late {
        uv_timer_t timer;
        struct request request;
};

static void on_late(uv_timer_t *timer)
{
        struct late *late = timer->data;
        redis_request_lost(&late->request);
        uv_close((uv_handle_t *)timer, handle_free);
}

bool redis_refuse_while_down(struct redis_store *store, struct request request)
{
        if (store->up)
                return false;
        if (!request.done && !request.strings)
                return true;
        struct late *late = memory_zeroed(1, sizeof(*late));
        late->request = request;
        uv_timer_init(store->loop, &late->timer);
        late->timer.data = late;
        uv_timer_start(&late->timer, on_late, 0, 0);
        return true;
}

/* The store of the node that has the job. */
static struct redis_store *store_of_job(struct redis_store *store, const struct store_identity *identity)
{
        if (!store->shards)
                return store;
        buffer_clear(&store->key);
        record_key_add(&store->key, store->config->redis.prefix, KEY_JOB, identity->id);
        return redis_store_of(store, (struct slice){.data = store->key.data, .len = store->key.len});
}

enum { IDENTITY_ARGUMENTS = 10, CLAIM_ARGUMENTS = 8, FINISH_ARGUMENTS = 7 };

/* A key as one argument. */
static void request_add_key(struct redis_store *store, enum record_key kind, struct slice id)
{
        buffer_clear(&store->key);
        record_key_add(&store->key, store->config->redis.prefix, kind, id);
        resp_add(&store->out, (struct slice){.data = store->key.data, .len = store->key.len});
}

/* EVALSHA sha 2 job events; `count` arguments are to follow. The script that keeps a plan has a third key. */
static void begin_keys(struct redis_store *store, enum redis_script script,
                       const struct store_identity *identity, size_t count)
{
        struct buffer *out = &store->out;
        bool plan = script == REDIS_SCRIPT_KEEP;
        resp_begin(out, 5 + count + plan);
        resp_add_text(out, "EVALSHA");
        resp_add(out, (struct slice){.data = store->connection.sha[script], .len = 40});
        resp_add_text(out, plan ? "3" : "2");
        request_add_key(store, KEY_JOB, identity->id);
        request_add_key(store, KEY_EVENTS, identity->id);
        if (plan)
                request_add_key(store, KEY_PLAN, identity->id);
}

/* The same with the ten arguments that every script takes but those of a new job; `extra` more are to follow.
 */
static void begin_script(struct redis_store *store, enum redis_script script,
                         const struct store_identity *identity, size_t extra)
{
        struct buffer *out = &store->out;
        const struct config *config = store->config;
        begin_keys(store, script, identity, IDENTITY_ARGUMENTS + extra);
        resp_add(out, identity->owner);
        resp_add_integer(out, config->claim.lease_ms);
        resp_add_integer(out, identity->generation.redrives);
        resp_add_integer(out, identity->generation.attempt);
        resp_add_integer(out, identity->generation.deferrals);
        resp_add(out, identity->fingerprint);
        resp_add(out, identity->type);
        resp_add(out, identity->queue);
        resp_add_text(out, store->worker);
        resp_add_integer(out, config_record_keep_ms(config));
}

static struct request lease_request(store_done *done, void *context)
{
        return (struct request){
                .kind = REQUEST_LEASE, .done = done, .context = context, .sent_ms = clock_boot_ms()};
}

/* Not by printf: this is a part of every message. */
static void request_add_number(struct buffer *text, int64_t number)
{
        buffer_add_char(text, ' ');
        buffer_add_integer(text, number);
}

/* "REDRIVES ATTEMPT DEFERRALS " */
static void add_generation(struct buffer *text, struct job_generation generation)
{
        buffer_add_integer(text, generation.redrives);
        request_add_number(text, generation.attempt);
        request_add_number(text, generation.deferrals);
        buffer_add_char(text, ' ');
}

/* What the claim of a new job does not look at but for its beginning, as one argument: "REDRIVES ATTEMPT
 * DEFERRALS FIRST_SEEN ALONE MAX_CRASHES OUTSIDE DEAD_ID TIER DEATH [tellsN] [first]". */
static void add_circumstances(struct redis_store *store, struct job_generation generation,
                              const struct store_claim *claim)
{
        struct buffer *text = &store->key;
        const struct config *config = store->config;
        buffer_clear(text);
        add_generation(text, generation);
        if (claim->first_seen_ms > 0)
                buffer_add_integer(text, claim->first_seen_ms);
        else
                buffer_add_char(text, '-');
        request_add_number(text, claim->alone);
        request_add_number(text, config->claim.max_crashes);
        request_add_number(text, claim->outside);
        buffer_add_char(text, ' ');
        buffer_add_slice(text, claim->dead_id.len > 0 ? claim->dead_id : SLICE_LITERAL("-"));
        request_add_number(text, config_longest_tier_ms(config));
        request_add_number(text, claim->death_ms);
        if (claim->tells)
                buffer_printf(text, " tells%" PRIu32, claim->tells);
        if (claim->first)
                buffer_add_text(text, " first");
        resp_add(&store->out, (struct slice){.data = text->data, .len = text->len});
}

void redis_store_claim(struct redis_store *store, const struct store_identity *identity,
                       const struct store_claim *claim, store_done *done, void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        request.kind = REQUEST_CLAIM;
        if (redis_refuse_while_down(store, request))
                return;
        if (redis_quick_claim(store, identity, claim, request))
                return;
        struct buffer *out = &store->out;
        struct slice particulars[CLAIM_PARTICULARS_MAX][2];
        size_t given = redis_claim_particulars(claim, particulars);
        begin_keys(store, REDIS_SCRIPT_CLAIM, identity, CLAIM_ARGUMENTS + 2 * given);
        resp_add(out, identity->owner);
        resp_add_integer(out, store->config->claim.lease_ms);
        resp_add_integer(out, config_record_keep_ms(store->config));
        resp_add(out, identity->fingerprint);
        resp_add(out, identity->type);
        resp_add(out, identity->queue);
        resp_add_text(out, store->worker);
        add_circumstances(store, identity->generation, claim);
        for (size_t i = 0; i < given; i++) {
                resp_add(out, particulars[i][0]);
                resp_add(out, particulars[i][1]);
        }
        redis_ring_push(store, request);
}

void redis_store_renew(struct redis_store *store, const struct store_identity *identity, store_done *done,
                       void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        begin_script(store, REDIS_SCRIPT_RENEW, identity, 0);
        redis_ring_push(store, request);
}

void redis_store_keep(struct redis_store *store, const struct store_identity *identity,
                      const struct store_plan *plan, store_done *done, void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        begin_script(store, REDIS_SCRIPT_KEEP, identity, 2);
        resp_add(&store->out, plan->record);
        resp_add(&store->out, plan->digest);
        redis_ring_push(store, request);
}

void redis_store_intend(struct redis_store *store, const struct store_identity *identity,
                        const struct store_intent *intent, store_done *done, void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        const struct store_move *move = intent->move;
        begin_script(store, REDIS_SCRIPT_INTEND, identity, move ? 4 : 1);
        resp_add(&store->out, intent->effect);
        if (move) {
                resp_add_integer(&store->out, move->count);
                resp_add(&store->out, move->field);
                resp_add(&store->out, move->outlet);
        }
        redis_ring_push(store, request);
}

void redis_store_record(struct redis_store *store, const struct store_identity *identity,
                        const struct store_effect *effect, store_done *done, void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        begin_script(store, REDIS_SCRIPT_RECORD, identity, effect->outlet.len > 0 ? 7 : 6);
        resp_add(out, effect->key);
        resp_add_text(out, effect->sent ? "sent" : "refused");
        resp_add(out, effect->provider_id);
        resp_add_integer(out, effect->done);
        resp_add_integer(out, effect->total);
        resp_add(out, effect->note);
        if (effect->outlet.len > 0)
                resp_add(out, effect->outlet);
        redis_ring_push(store, request);
}

/* "effect.KEY", "outlet.KEY". */
static void add_field(struct redis_store *store, const char *kind, struct slice key)
{
        buffer_clear(&store->key);
        buffer_add_text(&store->key, kind);
        buffer_add_slice(&store->key, key);
        resp_add(&store->out, (struct slice){.data = store->key.data, .len = store->key.len});
}

/* Who asks, as one argument of which most completions need nothing. */
static void add_asker(struct redis_store *store, const struct store_identity *identity)
{
        struct buffer *text = &store->key;
        const struct config *config = store->config;
        buffer_clear(text);
        buffer_add_integer(text, config->claim.lease_ms);
        buffer_add_char(text, ' ');
        add_generation(text, identity->generation);
        buffer_add_slice(text, identity->fingerprint);
        request_add_number(text, config_record_keep_ms(config));
        buffer_add_char(text, '\n');
        buffer_add_slice(text, identity->type);
        buffer_add_char(text, '\n');
        buffer_add_slice(text, identity->queue);
        buffer_add_char(text, '\n');
        buffer_add_text(text, store->worker);
        resp_add(&store->out, (struct slice){.data = text->data, .len = text->len});
}

static void request_finish(struct redis_store *store, const struct store_identity *identity,
                           const struct store_effect *effect)
{
        struct buffer *out = &store->out;
        begin_keys(store, REDIS_SCRIPT_FINISH, identity, FINISH_ARGUMENTS + (effect->outlet.len > 0 ? 2 : 0));
        resp_add(out, identity->owner);
        resp_add_integer(out, store->config->claim.keep_ms);
        add_field(store, "effect.", effect->key);
        resp_add(out, effect->provider_id);
        resp_add_integer(out, effect->took_ms);
        add_asker(store, identity);
        resp_add_text(out, effect->tells ? "1" : "");
        if (effect->outlet.len == 0)
                return;
        add_field(store, "outlet.", effect->key);
        resp_add(out, effect->outlet);
}

void redis_store_complete(struct redis_store *store, const struct store_identity *identity,
                          const struct store_effect *effect, store_done *done, void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        if (effect->fresh && effect->plain) {
                request_finish(store, identity, effect);
                redis_ring_push(store, request);
                return;
        }
        size_t extra = effect->outlet.len > 0 ? 7 : 6;
        begin_script(store, REDIS_SCRIPT_COMPLETE, identity, effect->tells ? 8 : extra);
        resp_add(out, effect->key);
        resp_add(out, effect->provider_id);
        resp_add_integer(out, effect->total);
        resp_add_integer(out, store->config->claim.keep_ms);
        resp_add(out, effect->note);
        resp_add_text(out, effect->fresh ? "1" : "");
        if (effect->outlet.len > 0 || effect->tells)
                resp_add(out, effect->outlet);
        if (effect->tells)
                resp_add_text(out, "1");
        redis_ring_push(store, request);
}

static void decision_format(const struct job_decision *d, char *text, size_t size)
{
        snprintf(text, size, "%s %d %d %s", job_decision_word(d->kind), d->tier, d->reject,
                 d->reason == REASON_NONE ? "-" : reason_word(d->reason));
}

void redis_store_decide(struct redis_store *store, const struct store_identity *identity,
                        const struct store_decision *decision, store_done *done, void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        char text[64];
        const struct job_decision *d = &decision->decision;
        decision_format(d, text, sizeof(text));
        begin_script(store, REDIS_SCRIPT_DECIDE, identity, 6 + decision->try_count);
        resp_add_text(out, text);
        resp_add_text(out, reason_word(d->reason));
        resp_add(out, decision->error);
        resp_add_integer(out, decision->effects_total);
        resp_add(out, decision->note);
        resp_add(out, decision->refused);
        for (size_t i = 0; i < decision->try_count; i++)
                resp_add(out, decision->tries[i]);
        redis_ring_push(store, request);
}

static const char *settled_state(enum job_decision_kind kind)
{
        if (kind == DECISION_DEAD)
                return "dead";
        return kind == DECISION_SCHEDULE ? "scheduled" : "retrying";
}

void redis_store_settle(struct redis_store *store, const struct store_identity *identity,
                        const struct store_settlement *settlement, store_done *done, void *context)
{
        store = store_of_job(store, identity);
        struct request request = lease_request(done, context);
        if (redis_refuse_while_down(store, request))
                return;
        struct buffer *out = &store->out;
        char text[64];
        bool dead = settlement->decision.kind == DECISION_DEAD;
        bool scheduled = settlement->decision.kind == DECISION_SCHEDULE;
        decision_format(&settlement->decision, text, sizeof(text));
        bool tells = settlement->tells && !scheduled;
        begin_script(store, REDIS_SCRIPT_SETTLE, identity, scheduled || tells ? 9 : 8);
        resp_add_text(out, settled_state(settlement->decision.kind));
        resp_add_integer(out, settlement->generation.redrives);
        resp_add_integer(out, settlement->generation.attempt);
        resp_add_integer(out, settlement->generation.deferrals);
        resp_add(out, settlement->note);
        resp_add_text(out, settlement->decision.reject ? text : "");
        if (dead) {
                resp_add_text(out, text);
                resp_add(out, settlement->dead_id);
        } else {
                resp_add_integer(out, settlement->wait_ms);
                if (scheduled)
                        resp_add_integer(out, settlement->later_ms);
                resp_add_text(out, text);
        }
        if (tells)
                resp_add_text(out, "1");
        redis_ring_push(store, request);
}
