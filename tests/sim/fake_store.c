#include "fake_store.h"

#include <assert.h>
#include <string.h>

const char *store_script_word(enum store_script script)
{
        static const char *const words[STORE_SCRIPT_COUNT] = {"claim",  "renew",    "keep",   "intend",
                                                              "record", "complete", "decide", "settle",
                                                              "killed", "cancel",   "due"};
        return words[script];
}

const char *store_state_word(enum store_state state)
{
        static const char *const words[] = {"",     "queued",  "running",   "retrying", "completed",
                                            "dead", "dropped", "cancelled", "scheduled"};
        return words[state];
}

void fake_store_init(struct fake_store *store, int64_t now_ms)
{
        memset(store, 0, sizeof *store);
        store->now_ms = now_ms;
}

void fake_store_lose(struct fake_store *store, uint8_t id)
{
        memset(&store->records[id], 0, sizeof store->records[id]);
}

void fake_store_drop(struct fake_store *store, uint8_t id)
{
        store->records[id].state = STATE_DROPPED;
}

/* prelude.lua: own() */
static void own(const struct fake_store *store, struct store_record *record,
                const struct store_request *request)
{
        record->state = STATE_RUNNING;
        record->owner = request->owner;
        record->lease_until_ms = store->now_ms + request->lease_ms;
        record->lease_ms = request->lease_ms;
        record->generation = request->generation;
        record->fingerprint = request->fingerprint;
        record->type = request->type;
}

/* prelude.lua: owned() */
static bool owned(const struct fake_store *store, struct store_record *record,
                  const struct store_request *request)
{
        if (record->state != STATE_ABSENT)
                return record->owner == request->owner;
        own(store, record, request);
        record->started_ms = store->now_ms;
        record->starts = 1;
        record->expires_after_ms = request->keep_ms;
        return true;
}

static void extend(const struct fake_store *store, struct store_record *record,
                   const struct store_request *request)
{
        record->lease_until_ms = store->now_ms + request->lease_ms;
}

static bool is_ours(enum claim_answer word)
{
        return word == CLAIM_RESUMED || word == CLAIM_MINE || word == CLAIM_CRASHED;
}

static struct store_reply answer(const struct fake_store *store, const struct store_record *record,
                                 const struct store_request *request, enum claim_answer word)
{
        struct store_reply reply = {
                .claim = word,
                .starts = record->starts,
                .decision = record->decision,
                .error = record->error,
                .signal = record->signal,
        };
        if (is_ours(word)) {
                reply.effects = record->effects;
                reply.intents = record->intents;
                reply.generation = record->generation;
                reply.plan = record->plan;
                if (record->plan_deaths_redrives == record->generation.redrives)
                        reply.plan_deaths = record->plan_deaths;
                memcpy(reply.tries, record->tries, sizeof reply.tries);
                reply.doubt_ms = record->doubt_ms;
                reply.doubt_age_ms = record->doubt_ms ? store->now_ms - record->doubt_ms : 0;
                reply.doubt_from_age_ms = record->doubt_ms ? store->now_ms - record->doubt_from_ms : 0;
                reply.letter = request->dead_id != 0 && request->dead_id == record->dead_id;
        }
        return reply;
}

/* claim.lua: doubt() */
static void raise_doubt(const struct fake_store *store, struct store_record *record)
{
        if (record->doubt_ms == 0)
                record->doubt_from_ms = record->started_ms;
        record->doubt_ms = store->now_ms;
}

static struct store_reply take(const struct fake_store *store, struct store_record *record,
                               const struct store_request *request, enum claim_answer word, uint32_t starts)
{
        own(store, record, request);
        record->started_ms = store->now_ms;
        record->starts = starts;
        record->expires_after_ms = request->keep_ms;
        if (word != CLAIM_CRASHED)
                record->signal = 0;
        return answer(store, record, request, word);
}

/* As another generation than the message says. */
static struct store_reply take_as(const struct fake_store *store, struct store_record *record,
                                  const struct store_request *request, struct job_generation generation,
                                  uint32_t starts)
{
        struct store_request as = *request;
        as.generation = generation;
        return take(store, record, &as, CLAIM_RESUMED, starts);
}

static void forget_run(struct store_record *record)
{
        record->decision = 0;
        record->intents = 0;
        record->reason = 0;
        record->error = 0;
        record->death = 0;
}

/* claim.lua: claim_dead() */
static struct store_reply claim_dead(const struct fake_store *store, struct store_record *record,
                                     const struct store_request *request)
{
        struct job_generation known = record->generation;
        if (request->generation.redrives > known.redrives) {
                forget_run(record);
                return take(store, record, request, CLAIM_RESUMED, 1);
        }
        if (record->decision)
                return answer(store, record, request, CLAIM_STALE);
        if (record->died_ms != request->death_ms) {
                struct store_reply dead = answer(store, record, request, CLAIM_DEAD);
                dead.lease_left_ms = record->died_ms;
                return dead;
        }
        bool is_letter = request->dead_id != 0 && request->dead_id == record->dead_id;
        bool maybe_sent = record->reason == REASON_AMBIGUOUS_SEND || record->intents != 0;
        if (is_letter || (request->outside && !maybe_sent)) {
                forget_run(record);
                return take_as(store, record, request,
                               (struct job_generation){.redrives = known.redrives + 1}, 1);
        }
        record->decision = record->death;
        return take_as(store, record, request, known, 0);
}

/* claim.lua, from where nobody's lease runs: a start that had no end. */
static struct store_reply claim_again(const struct fake_store *store, struct store_record *record,
                                      const struct store_request *request)
{
        if (record->decision)
                return take(store, record, request, CLAIM_RESUMED, record->starts);
        if (record->starts > 0 && (request->alone || record->starts >= request->max_crashes))
                raise_doubt(store, record);
        if (record->starts >= request->max_crashes)
                return take(store, record, request, CLAIM_CRASHED, request->max_crashes + 1);
        if (record->starts > 0 && !request->alone)
                return answer(store, record, request, CLAIM_SUSPECT);
        return take(store, record, request, CLAIM_RESUMED, record->starts + 1);
}

/* claim.lua, the part for a copy that is less than the record. */
static struct store_reply claim_lesser(const struct fake_store *store, struct store_record *record,
                                       const struct store_request *request)
{
        int64_t due_ms = record->lease_until_ms;
        if (record->state != STATE_RUNNING) {
                int64_t most_ms = record->state == STATE_SCHEDULED ? STORE_SCHEDULE_MS : request->tier_ms;
                if (record->due_ms == 0 || record->due_ms > store->now_ms + most_ms)
                        record->due_ms = store->now_ms + most_ms;
                due_ms = record->due_ms;
        }
        if (due_ms + STORE_LATE_MS > store->now_ms) {
                struct store_reply waiting = answer(store, record, request, CLAIM_WAITING);
                waiting.decision = 0;
                waiting.lease_left_ms = due_ms + STORE_LATE_MS - store->now_ms;
                return waiting;
        }
        struct job_generation known = record->generation;
        if (record->state != STATE_RUNNING) {
                forget_run(record);
                known.deferrals++;
                return take_as(store, record, request, known, 1);
        }
        struct store_request as = *request;
        as.generation = known;
        return claim_again(store, record, &as);
}

static struct store_reply claim_mine(const struct fake_store *store, struct store_record *record,
                                     const struct store_request *request)
{
        struct store_request as = *request;
        as.generation = record->generation;
        own(store, record, &as);
        record->expires_after_ms = request->keep_ms;
        bool crashed = record->decision == 0 && record->starts > request->max_crashes;
        return answer(store, record, request, crashed ? CLAIM_CRASHED : CLAIM_MINE);
}

static void note_due(struct store_record *record, enum job_change change, struct job_generation generation)
{
        struct store_due *due = &record->due;
        if (due->count == STORE_DUE_MAX)
                memmove(due->list, due->list + 1, --due->count * sizeof *due->list);
        due->list[due->count].change = change;
        due->list[due->count++].generation = generation;
}

/* Others are to be told, besides of what they were not told yet. */
static void add_due(struct store_record *record, const struct store_request *request, enum job_change change)
{
        if (request->tells)
                note_due(record, change, record->generation);
}

/* claim.lua: overtaken() */
static void overtaken(struct store_record *record, const struct store_request *request)
{
        enum job_decision_kind kind = (enum job_decision_kind)(record->decision % 8);
        if (kind == DECISION_DEAD && request->tells_of >> CHANGE_DEAD & 1)
                note_due(record, CHANGE_DEAD, record->generation);
        else if ((kind == DECISION_RETRY || kind == DECISION_DEFER) &&
                 request->tells_of >> CHANGE_RETRYING & 1)
                note_due(record, CHANGE_RETRYING, request->generation);
}

/* claim.lua, of a job that is neither over nor the asker's. */
static struct store_reply claim_others(const struct fake_store *store, struct store_record *record,
                                       const struct store_request *request)
{
        int age = job_generation_compare(request->generation, record->generation);
        if (age > 0) {
                if (record->owner && !record->decision)
                        raise_doubt(store, record);
                overtaken(record, request);
                forget_run(record);
                return take(store, record, request, CLAIM_RESUMED, 1);
        }
        int64_t lease_left_ms = record->lease_until_ms - store->now_ms;
        if (record->owner && lease_left_ms > record->lease_ms) {
                lease_left_ms = record->lease_ms;
                record->lease_until_ms = store->now_ms + lease_left_ms;
        }
        if (age < 0)
                return claim_lesser(store, record, request);
        if (record->owner && lease_left_ms > 0) {
                struct store_reply busy = answer(store, record, request, CLAIM_BUSY);
                busy.lease_left_ms = lease_left_ms;
                return busy;
        }
        return claim_again(store, record, request);
}

/* claim.lua: is_first() */
static bool is_first(const struct store_record *record, const struct store_request *request)
{
        return request->first && record->state != STATE_DEAD && record->state != STATE_CANCELLED &&
               record->type == request->type;
}

/* claim.lua */
static struct store_reply claim(const struct fake_store *store, struct store_record *record,
                                const struct store_request *request)
{
        if (record->state == STATE_DROPPED)
                memset(record, 0, sizeof *record);
        if (record->state == STATE_ABSENT || record->state == STATE_QUEUED)
                return take(store, record, request, CLAIM_NEW, 1);
        if (record->state == STATE_CANCELLED && record->unclaimed)
                record->fingerprint = request->fingerprint;
        if (record->fingerprint != request->fingerprint)
                return answer(store, record, request,
                              is_first(record, request) ? CLAIM_FIRST : CLAIM_CONFLICT);
        if (record->state == STATE_CANCELLED)
                return answer(store, record, request, CLAIM_CANCELLED);
        if (record->state == STATE_COMPLETED)
                return answer(store, record, request, CLAIM_DONE);
        if (record->owner == request->owner)
                return claim_mine(store, record, request);
        if (record->state == STATE_DEAD)
                return claim_dead(store, record, request);
        return claim_others(store, record, request);
}

/* io/redis/redis_quick.h */
static struct store_reply claim_quick(struct store_record *record, const struct store_request *request)
{
        struct fake_store asker = {.now_ms = request->at_ms};
        if (record->state != STATE_ABSENT)
                return (struct store_reply){.known = true};
        return take(&asker, record, request, CLAIM_NEW, 1);
}

/* record.lua */
static void record_effect(struct store_record *record, const struct store_request *request)
{
        if (request->sent)
                record->effects |= 1U << (request->effect - 1);
        record->intents &= ~(1U << (request->effect - 1));
        record->effects_done = request->effects_done;
        record->effects_total = request->effects_total;
}

/* due.lua */
static struct store_reply due(struct store_record *record, const struct store_request *request)
{
        uint8_t count = request->told.count;
        bool same = count > 0 && count <= record->due.count;
        for (uint8_t i = 0; same && i < count; i++)
                same = record->due.list[i].change == request->told.list[i].change &&
                       job_generation_compare(record->due.list[i].generation,
                                              request->told.list[i].generation) == 0;
        if (same)
                memmove(record->due.list, record->due.list + count,
                        (record->due.count -= count) * sizeof *record->due.list);
        return (struct store_reply){.lease = LEASE_OK, .due = record->due};
}

/* complete.lua, after ownership was proven */
static void complete(struct store_record *record, const struct store_request *request)
{
        if (request->effect)
                record->effects |= 1U << (request->effect - 1);
        forget_run(record);
        record->state = STATE_COMPLETED;
        record->effects_done = request->effects_total;
        record->effects_total = request->effects_total;
        record->owner = 0;
        record->lease_until_ms = 0;
        record->starts = 0;
        record->expires_after_ms = request->keep_ms;
        add_due(record, request, CHANGE_COMPLETED);
}

/* intend.lua */
static void intend(struct store_record *record, const struct store_request *request)
{
        if (request->effect && !(record->effects >> (request->effect - 1) & 1))
                record->intents |= 1U << (request->effect - 1);
        if (request->moves == 0 || (record->moved_by == request->owner && record->moves > request->moves))
                return;
        record->moved_by = request->owner;
        record->moves = request->moves;
        record->tries[request->moved_effect - 1].outlet = request->outlet;
}

/* decide.lua */
static void decide(struct store_record *record, const struct store_request *request)
{
        record->decision = request->decision;
        record->reason = request->reason;
        record->error = request->error;
        record->effects_total = request->effects_total;
        if (request->void_effect)
                record->intents &= ~(1U << (request->void_effect - 1));
        if (request->plan_deaths) {
                record->plan_deaths = request->plan_deaths;
                record->plan_deaths_redrives = request->generation.redrives;
        }
        for (int i = 0; i < STORE_TRIES_MAX; i++)
                if (request->tries[i].told)
                        record->tries[i] = request->tries[i];
}

/* settle.lua */
static void settle(struct store_record *record, const struct store_request *request, int64_t now_ms)
{
        record->state = STATE_RETRYING;
        if (request->dead || request->scheduled)
                record->state = request->dead ? STATE_DEAD : STATE_SCHEDULED;
        record->generation = request->copy;
        record->owner = 0;
        record->lease_until_ms = 0;
        record->starts = 0;
        record->decision = request->rejected ? request->decision : 0;
        record->expires_after_ms = request->dead ? -1 : request->keep_ms;
        if (!request->scheduled)
                add_due(record, request, request->dead ? CHANGE_DEAD : CHANGE_RETRYING);
        if (request->dead) {
                record->death = request->decision;
                record->dead_id = request->dead_id;
                record->died_ms = now_ms;
        } else if (request->scheduled) {
                record->due_ms = request->due_ms;
                if (now_ms + request->delay_ms > request->due_ms + STORE_LATE_MS / 3)
                        record->due_ms = now_ms + request->delay_ms;
                if (record->due_ms > now_ms)
                        record->expires_after_ms += record->due_ms - now_ms;
        } else {
                record->due_ms = now_ms + request->delay_ms;
        }
}

/* settle.lua, where another has the job: it found this very decision, of which a copy is confirmed. */
static bool is_carried_out(const struct store_record *record, const struct store_request *request)
{
        return request->script == STORE_SETTLE && record->state == STATE_RUNNING && request->decision &&
               record->decision == request->decision && record->fingerprint == request->fingerprint &&
               job_generation_compare(record->generation, request->generation) == 0;
}

/* killed.lua: makes no record, unlike all others */
static struct store_reply killed(struct store_record *record, const struct store_request *request)
{
        if (record->state == STATE_ABSENT || record->owner != request->owner)
                return (struct store_reply){.lease = LEASE_LOST};
        record->signal = request->signal;
        return (struct store_reply){.lease = LEASE_OK};
}

/* cancel.lua: asked by nobody who could own it */
static struct store_reply cancel(const struct fake_store *store, struct store_record *record,
                                 const struct store_request *request)
{
        if (record->state != STATE_QUEUED && record->state != STATE_RETRYING &&
            record->state != STATE_SCHEDULED)
                return (struct store_reply){.lease = LEASE_LOST};
        int64_t wait_ms = record->due_ms > store->now_ms ? record->due_ms - store->now_ms : 0;
        record->unclaimed = record->state == STATE_QUEUED;
        record->state = STATE_CANCELLED;
        record->generation.redrives++;
        record->owner = 0;
        record->lease_until_ms = 0;
        record->starts = 0;
        record->decision = 0;
        record->expires_after_ms = request->keep_ms + wait_ms;
        add_due(record, request, CHANGE_CANCELLED);
        return (struct store_reply){.lease = LEASE_OK};
}

struct store_reply fake_store_call(struct fake_store *store, const struct store_request *request)
{
        assert(request->id < STORE_RECORDS_MAX);
        struct store_record *record = &store->records[request->id];
        if (request->script == STORE_CLAIM)
                return request->quick ? claim_quick(record, request) : claim(store, record, request);
        if (request->script == STORE_COMPLETE && record->state == STATE_COMPLETED &&
            record->fingerprint == request->fingerprint)
                return (struct store_reply){.lease = LEASE_OK};
        if (request->script == STORE_KILLED)
                return killed(record, request);
        if (request->script == STORE_CANCEL)
                return cancel(store, record, request);
        if (request->script == STORE_DUE)
                return due(record, request);
        if (!owned(store, record, request) && !is_carried_out(record, request))
                return (struct store_reply){.lease = LEASE_LOST};
        extend(store, record, request);
        switch (request->script) {
        case STORE_CLAIM:
        case STORE_KILLED:
        case STORE_CANCEL:
        case STORE_DUE:
        case STORE_RENEW:
                break;
        case STORE_KEEP:
                record->plan = request->plan;
                break;
        case STORE_INTEND:
                intend(record, request);
                break;
        case STORE_RECORD:
                record_effect(record, request);
                break;
        case STORE_COMPLETE:
                complete(record, request);
                break;
        case STORE_DECIDE:
                decide(record, request);
                break;
        case STORE_SETTLE:
                settle(record, request, store->now_ms);
                break;
        }
        return (struct store_reply){.lease = LEASE_OK};
}
