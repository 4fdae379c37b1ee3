#include "core/record/due.h"
#include "core/record/try_record.h"
#include "io/redis/redis_quick.h"
#include "store_cases.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

/*
 * The cases of store_cases.c against real Redis with the scripts of worker/io/redis/lua as they are.
 * LEVERET_TEST_REDIS_URL (redis://host:port) names a Redis of the test's own: keys that begin conformance:
 * are deleted in it.
 */

#define JOB_KEY "conformance:job:{%u}"
#define EVENTS_KEY "conformance:events:{%u}"
#define PLAN_KEY "conformance:plan:{%u}"

struct redis {
        redisContext *connection;
        char *scripts[STORE_SCRIPT_COUNT], *finish;
        bool quick; /* jobs that are new are claimed without a script */
};

static redisReply *must(redisReply *reply)
{
        if (!reply)
                fail_msg("Redis does not answer");
        if (reply->type == REDIS_REPLY_ERROR)
                fail_msg("Redis: %s", reply->str);
        return reply;
}

static void forget(redisReply *reply)
{
        freeReplyObject(must(reply));
}

static void append_file(char **text, const char *name)
{
        char path[512];
        const char *directory = getenv("LEVERET_TEST_SCRIPTS"); /* with a fault that is to be found */
        snprintf(path, sizeof path, "%s/%s.lua",
                 directory ? directory : LEVERET_SOURCE_DIR "/worker/io/redis/lua", name);
        FILE *file = fopen(path, "r");
        if (!file)
                fail_msg("%s cannot be read", path);
        size_t len = strlen(*text);
        *text = realloc(*text, len + 65536);
        assert_non_null(*text);
        len += fread(*text + len, 1, 65535, file);
        (*text)[len] = 0;
        fclose(file);
}

static void reset(void *context)
{
        struct redis *redis = context;
        forget(redisCommand(redis->connection, "DEL " JOB_KEY " " EVENTS_KEY " " PLAN_KEY, 0U, 0U, 0U));
}

/* The arguments of one call: texts kept in place. */
struct arguments {
        int count;
        const char *list[32];
        char texts[32][160];
};

static void __attribute__((format(printf, 2, 3))) add(struct arguments *arguments, const char *format, ...)
{
        char *text = arguments->texts[arguments->count];
        va_list list;
        va_start(list, format);
        vsnprintf(text, sizeof arguments->texts[0], format, list);
        va_end(list);
        arguments->list[arguments->count++] = text;
}

static void add_number(struct arguments *arguments, int64_t number)
{
        add(arguments, "%" PRId64, number);
}

/* 0 is the empty text. */
static void add_optional(struct arguments *arguments, uint32_t number)
{
        if (number)
                add(arguments, "%u", number);
        else
                add(arguments, "%s", "");
}

/* As the field event_due says it, but for the time, which the model has not. */
static void add_told(struct arguments *arguments, const struct redis *redis,
                     const struct store_request *request)
{
        redisReply *reply =
                redisCommand(redis->connection, "HGET " JOB_KEY " event_due", (unsigned)request->id);
        const char *due = must(reply)->type == REDIS_REPLY_STRING ? reply->str : "";
        int len = 0;
        for (uint8_t i = 0; i < request->told.count; i++)
                len += (int)strcspn(due + len, " ") + (i > 0);
        add(arguments, "%.*s", len, due);
        freeReplyObject(reply);
}

static void add_identity(struct arguments *arguments, const struct store_request *request)
{
        add(arguments, "owner-%" PRIu64, request->owner);
        if (request->script == STORE_KILLED) { /* a dying process says no more than it must */
                for (int i = 2; i <= 10; i++)
                        add(arguments, "%s", i == 9 ? "worker" : "");
                return;
        }
        add_number(arguments, request->lease_ms);
        add_number(arguments, request->generation.redrives);
        add_number(arguments, request->generation.attempt);
        add_number(arguments, request->generation.deferrals);
        add(arguments, "fingerprint-%u", request->fingerprint);
        add(arguments, "conformance%u.v1", request->type);
        add(arguments, "work");
        add(arguments, "worker");
        add_number(arguments, request->keep_ms);
}

/* Its fields as a worker writes them. */
static void add_try(struct arguments *arguments, unsigned effect, const struct store_try *try)
{
        char text[TRY_RECORD_SIZE];
        if (!try->told)
                return;
        try_record_format(&(struct try_record){.ambiguous = try->ambiguous,
                                               .refusals = try->refusals,
                                               .redrives = try->redrives,
                                               .from_ms = try->from_ms,
                                               .since_ms = try->since_ms,
                                               .cleared_ms = try->cleared_ms},
                          text);
        add(arguments, "try.%u", effect);
        add(arguments, "%s", text);
        add(arguments, "outlet.%u", effect);
        add_number(arguments, try->outlet);
        if (try->spent.tries == 0)
                return;
        spent_record_format(try->spent.tries, try->spent.redrives, text);
        add(arguments, "spent.%u", effect);
        add(arguments, "%s", text);
}

static void add_claim(struct arguments *arguments, const struct store_request *request)
{
        add(arguments, "owner-%" PRIu64, request->owner);
        add_number(arguments, request->lease_ms);
        add_number(arguments, request->keep_ms);
        add(arguments, "fingerprint-%u", request->fingerprint);
        add(arguments, "conformance%u.v1", request->type);
        add(arguments, "work");
        add(arguments, "worker");
        add(arguments, "%u %u %u - %d %u %d %u %" PRId64 " %" PRId64 " tells%u%s",
            request->generation.redrives, request->generation.attempt, request->generation.deferrals,
            request->alone, request->max_crashes, request->outside, request->dead_id, request->tier_ms,
            request->death_ms, request->tells_of, request->first ? " first" : "");
}

/* As a worker completes a job that it has said nothing of since its claim, by its only effect. */
static bool is_plain(const struct store_request *request)
{
        return request->script == STORE_COMPLETE && request->fresh && request->effect &&
               request->effects_total == 1;
}

static void add_finish(struct arguments *arguments, const struct store_request *request)
{
        add(arguments, "owner-%" PRIu64, request->owner);
        add_number(arguments, request->keep_ms);
        add(arguments, "effect.%u", request->effect);
        add(arguments, "provider");
        add(arguments, "5");
        add(arguments, "%" PRId64 " %u %u %u fingerprint-%u %" PRId64 "\nconformance%u.v1\nwork\nworker",
            request->lease_ms, request->generation.redrives, request->generation.attempt,
            request->generation.deferrals, request->fingerprint, request->keep_ms, request->type);
        add(arguments, "%s", request->tells ? "1" : "");
}

static const char *settled_state(const struct store_request *request)
{
        if (request->dead)
                return "dead";
        return request->scheduled ? "scheduled" : "retrying";
}

static void add_particulars(struct arguments *arguments, const struct store_request *request)
{
        switch (request->script) {
        case STORE_CLAIM:
                return; /* add_claim() */
        case STORE_RENEW:
                return;
        case STORE_CANCEL:
                add_number(arguments, request->tier_ms);
                if (request->tells)
                        add(arguments, "1");
                return;
        case STORE_DUE:
                return;
        case STORE_KEEP:
                add(arguments, "{}");
                add_number(arguments, request->plan);
                return;
        case STORE_KILLED:
                add_number(arguments, request->signal);
                return;
        case STORE_INTEND:
                add_optional(arguments, request->effect);
                if (request->moves) {
                        add_number(arguments, request->moves);
                        add(arguments, "outlet.%u", request->moved_effect);
                        add_number(arguments, request->outlet);
                }
                return;
        case STORE_RECORD:
                add_number(arguments, request->effect);
                add(arguments, "%s", request->sent ? "sent" : "refused");
                add(arguments, "provider");
                add_number(arguments, request->effects_done);
                add_number(arguments, request->effects_total);
                break;
        case STORE_COMPLETE:
                add_optional(arguments, request->effect);
                add(arguments, "provider");
                add_number(arguments, request->effects_total);
                add_number(arguments, request->keep_ms);
                break;
        case STORE_DECIDE:
                add_optional(arguments, request->decision);
                if (request->reason == REASON_AMBIGUOUS_SEND)
                        add(arguments, "%s", reason_word(REASON_AMBIGUOUS_SEND));
                else
                        add_optional(arguments, request->reason);
                add_optional(arguments, request->error);
                add_number(arguments, request->effects_total);
                break;
        case STORE_SETTLE:
                add(arguments, "%s", settled_state(request));
                add_number(arguments, request->copy.redrives);
                add_number(arguments, request->copy.attempt);
                add_number(arguments, request->copy.deferrals);
                break;
        }
        add(arguments, "\"event\":\"%s\"", store_script_word(request->script));
        if (request->script == STORE_COMPLETE)
                add(arguments, "%s", request->fresh ? "1" : "");
        if (request->script == STORE_COMPLETE && request->tells) {
                add(arguments, "%s", "");
                add(arguments, "1");
        }
        if (request->script == STORE_DECIDE)
                add_optional(arguments, request->void_effect);
        for (unsigned i = 0; request->script == STORE_DECIDE && i < STORE_TRIES_MAX; i++)
                add_try(arguments, i + 1, &request->tries[i]);
        if (request->plan_deaths) {
                char text[TRY_RECORD_SIZE];
                plan_deaths_format(request->plan_deaths, request->generation.redrives, text);
                add(arguments, "plan_deaths");
                add(arguments, "%s", text);
        }
        if (request->script == STORE_SETTLE)
                add_optional(arguments, request->rejected ? request->decision : 0);
        if (request->script == STORE_SETTLE && request->dead) {
                add_optional(arguments, request->decision);
                add_number(arguments, request->dead_id);
        } else if (request->script == STORE_SETTLE) {
                add_number(arguments, request->scheduled ? request->due_ms : request->delay_ms);
                if (request->scheduled)
                        add_number(arguments, request->delay_ms);
                add_optional(arguments, request->decision);
        }
        if (request->script == STORE_SETTLE && request->tells && !request->scheduled)
                add(arguments, "1");
}

static uint32_t number_of(const redisReply *reply)
{
        if (reply->type == REDIS_REPLY_INTEGER)
                return (uint32_t)reply->integer;
        return reply->type == REDIS_REPLY_STRING ? (uint32_t)strtoul(reply->str, NULL, 10) : 0;
}

/* A list of effects. */
static uint32_t bits_of(const redisReply *list)
{
        uint32_t bits = 0;
        for (size_t i = 0; i < list->elements; i++)
                bits |= 1U << (number_of(list->element[i]) - 1);
        return bits;
}

static void parse_try(struct store_reply *parsed, const char *field, const redisReply *value)
{
        struct store_try *try = &parsed->tries[strtoul(strchr(field, '.') + 1, NULL, 10) - 1];
        struct try_record record;
        if (strncmp(field, "outlet.", 7) == 0) {
                try->outlet = (uint8_t)number_of(value);
                return;
        }
        struct slice text = {.data = value->str, .len = value->len};
        if (strncmp(field, "spent.", 6) == 0) {
                spent_record_parse(text, &try->spent.tries, &try->spent.redrives);
                return;
        }
        assert_true(try_record_parse(text, &record));
        try->ambiguous = record.ambiguous;
        try->refusals = (uint8_t)record.refusals;
        try->redrives = record.redrives;
        try->from_ms = record.from_ms;
        try->since_ms = record.since_ms;
        try->cleared_ms = record.cleared_ms;
}

static void parse_field(struct store_reply *parsed, const char *field, const redisReply *value)
{
        if (strcmp(field, "plan") == 0)
                parsed->plan = number_of(value);
        else if (strcmp(field, "plan_deaths") == 0)
                parsed->plan_deaths = plan_deaths_parse((struct slice){.data = value->str, .len = value->len},
                                                        parsed->generation.redrives);
        else
                parse_try(parsed, field, value);
}

static struct store_due parse_due(const redisReply *reply)
{
        struct store_due parsed = {0};
        for (size_t i = 0; i + 1 < reply->elements; i += 2) {
                struct due_event list[DUE_MAX];
                const redisReply *value = reply->element[i + 1];
                if (strcmp(reply->element[i]->str, RECORD_EVENT_DUE) != 0)
                        continue;
                parsed.count = (uint8_t)due_parse((struct slice){value->str, value->len}, list);
                for (uint8_t k = 0; k < parsed.count && k < STORE_DUE_MAX; k++) {
                        parsed.list[k].change = list[k].change;
                        parsed.list[k].generation = list[k].generation;
                }
        }
        return parsed;
}

static struct store_reply parse_claim(const redisReply *reply)
{
        struct store_reply parsed = {0};
        int word = 0;
        if (reply->type == REDIS_REPLY_INTEGER)
                return (struct store_reply){.claim = CLAIM_NEW, .starts = 1};
        assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
        assert_int_equal(reply->elements, 17);
        while (word < CLAIM_ANSWER_COUNT &&
               strcmp(claim_answer_word((enum claim_answer)word), reply->element[0]->str) != 0)
                word++;
        assert_int_not_equal(word, CLAIM_ANSWER_COUNT);
        parsed.claim = (enum claim_answer)word;
        parsed.lease_left_ms = reply->element[1]->integer;
        parsed.starts = number_of(reply->element[3]);
        parsed.decision = number_of(reply->element[4]);
        parsed.error = number_of(reply->element[5]);
        parsed.signal = number_of(reply->element[6]);
        parsed.effects = bits_of(reply->element[7]);
        parsed.intents = bits_of(reply->element[8]);
        parsed.generation = (struct job_generation){.redrives = number_of(reply->element[9]),
                                                    .attempt = number_of(reply->element[10]),
                                                    .deferrals = number_of(reply->element[11])};
        parsed.letter = reply->element[12]->len > 0;
        for (size_t i = 0; i + 1 < reply->element[13]->elements; i += 2)
                parse_field(&parsed, reply->element[13]->element[i]->str, reply->element[13]->element[i + 1]);
        parsed.doubt_ms = (int64_t)strtoll(reply->element[14]->str, NULL, 10);
        parsed.doubt_age_ms = reply->element[15]->integer;
        parsed.doubt_from_age_ms = reply->element[16]->integer;
        assert_true(parsed.doubt_age_ms >= 0 && parsed.doubt_from_age_ms >= parsed.doubt_age_ms);
        return parsed;
}

static int64_t now_ms(struct redis *redis)
{
        redisReply *reply = must(redisCommand(redis->connection, "TIME"));
        int64_t seconds = strtoll(reply->element[0]->str, NULL, 10);
        int64_t micros = strtoll(reply->element[1]->str, NULL, 10);
        freeReplyObject(reply);
        return seconds * 1000 + micros / 1000;
}

#define SENT_MS 1 /* by whatever clock the client has */

/* The client, of which nothing is used but what it adds to a batch. */
static bool quick_bytes(struct redis_store *store, const struct store_request *request)
{
        char id[8], owner[32], fingerprint[32], type[32];
        snprintf(id, sizeof id, "%u", (unsigned)request->id);
        snprintf(owner, sizeof owner, "owner-%" PRIu64, request->owner);
        snprintf(fingerprint, sizeof fingerprint, "fingerprint-%u", request->fingerprint);
        snprintf(type, sizeof type, "conformance%u.v1", request->type);
        return redis_quick_claim(store,
                                 &(struct store_identity){.id = slice_of(id),
                                                          .owner = slice_of(owner),
                                                          .generation = request->generation,
                                                          .fingerprint = slice_of(fingerprint),
                                                          .type = slice_of(type),
                                                          .queue = SLICE_LITERAL("work")},
                                 &(struct store_claim){.alone = request->alone},
                                 (struct request){.kind = REQUEST_CLAIM, .sent_ms = SENT_MS});
}

/* False: it is not claimed, and a script is to be asked. */
static bool claim_quick(struct redis *redis, const struct store_request *request)
{
        int64_t slack_ms = server_clock_slack_ms(request->lease_ms);
        struct config config = {.redis.prefix = "conformance"};
        config.claim.lease_ms =
                request->lease_ms - slack_ms; /* what the lease is longer by is not the model's */
        config.claim.keep_ms = request->keep_ms;
        struct redis_store store = {.config = &config,
                                    .worker = "worker",
                                    .connection.restores = true,
                                    .clock = {.known = true, .ahead_ms = now_ms(redis) - SENT_MS}};
        redis_crc_init(&store.connection.crc);
        assert_int_equal(server_clock_slack_ms(config.claim.lease_ms), slack_ms);
        bool asked = quick_bytes(&store, request), claimed = false;
        if (asked) {
                void *reply = NULL;
                redisAppendFormattedCommand(redis->connection, store.out.data, store.out.len);
                assert_int_equal(redisGetReply(redis->connection, &reply), REDIS_OK);
                const redisReply *said = reply;
                claimed = said->type == REDIS_REPLY_STATUS && strcmp(said->str, "OK") == 0;
                if (!claimed && strncmp(said->str, "BUSYKEY", 7) != 0)
                        fail_msg("Redis: %s", said->str);
                freeReplyObject(reply);
        }
        buffer_fini(&store.out);
        buffer_fini(&store.key);
        buffer_fini(&store.dump);
        free(store.ring.requests);
        return claimed;
}

static struct store_reply call(void *context, const struct store_request *request)
{
        struct redis *redis = context;
        struct arguments arguments = {0};
        if (redis->quick && request->script == STORE_CLAIM && claim_quick(redis, request))
                return (struct store_reply){.claim = CLAIM_NEW, .starts = 1};
        add(&arguments, "EVAL");
        arguments.list[arguments.count++] =
                is_plain(request) ? redis->finish : redis->scripts[request->script];
        if (request->script == STORE_DUE) {
                add(&arguments, "1");
                add(&arguments, JOB_KEY, (unsigned)request->id);
                add_told(&arguments, redis, request);
                redisReply *reply =
                        must(redisCommandArgv(redis->connection, arguments.count, arguments.list, NULL));
                struct store_reply due = {.lease = LEASE_OK, .due = parse_due(reply)};
                freeReplyObject(reply);
                return due;
        }
        add(&arguments, request->script == STORE_KEEP ? "3" : "2");
        add(&arguments, JOB_KEY, (unsigned)request->id);
        add(&arguments, EVENTS_KEY, (unsigned)request->id);
        if (request->script == STORE_KEEP)
                add(&arguments, PLAN_KEY, (unsigned)request->id);
        if (request->script == STORE_CLAIM) {
                add_claim(&arguments, request);
        } else if (is_plain(request)) {
                add_finish(&arguments, request);
        } else {
                add_identity(&arguments, request);
                add_particulars(&arguments, request);
        }
        redisReply *reply = must(redisCommandArgv(redis->connection, arguments.count, arguments.list, NULL));
        struct store_reply parsed = {0};
        const char *word = request->script == STORE_CANCEL ? reply->element[0]->str : reply->str;
        if (request->script == STORE_CLAIM)
                parsed = parse_claim(reply);
        else
                parsed.lease =
                        strcmp(word, "ok") == 0 || strcmp(word, "cancelled") == 0 ? LEASE_OK : LEASE_LOST;
        freeReplyObject(reply);
        return parsed;
}

static void lose(void *context, uint8_t id)
{
        struct redis *redis = context;
        forget(redisCommand(redis->connection, "DEL " JOB_KEY, (unsigned)id));
}

static void set(struct redis *redis, uint8_t id, const char *field, const char *value)
{
        forget(redisCommand(redis->connection, "HSET " JOB_KEY " %s %s", (unsigned)id, field, value));
}

static void drop(void *context, uint8_t id)
{
        set(context, id, "state", "dropped");
}

static void queue(void *context, uint8_t id)
{
        set(context, id, "state", "queued");
}

static void expire_lease(void *context, uint8_t id)
{
        set(context, id, "lease_until_ms", "1");
}

static void set_due(void *context, uint8_t id, int64_t due_ms)
{
        struct redis *redis = context;
        if (due_ms)
                forget(redisCommand(redis->connection, "HSET " JOB_KEY " due_ms %lld", (unsigned)id,
                                    (long long)due_ms));
        else
                forget(redisCommand(redis->connection, "HDEL " JOB_KEY " due_ms", (unsigned)id));
}

static void old_intent(void *context, uint8_t id, uint8_t effect)
{
        const char value[] = {(char)('0' + effect), '\0'};
        set(context, id, "intent", value);
}

static void set_back(void *context, uint8_t id)
{
        struct redis *redis = context;
        forget(redisCommand(redis->connection, "HINCRBY " JOB_KEY " lease_until_ms 1000000000",
                            (unsigned)id));
        forget(redisCommand(redis->connection, "HINCRBY " JOB_KEY " started_ms 1000000000", (unsigned)id));
}

static void look_at(struct store_record *record, const char *field, const redisReply *value)
{
        if (strcmp(field, "state") == 0)
                while (strcmp(store_state_word(record->state), value->str) != 0)
                        record->state++;
        else if (strcmp(field, "starts") == 0)
                record->starts = number_of(value);
        else if (strcmp(field, "lease_until_ms") == 0)
                record->lease_until_ms = strtoll(value->str, NULL, 10);
        else if (strcmp(field, "decision") == 0)
                record->decision = number_of(value);
        else if (strcmp(field, "signal") == 0)
                record->signal = number_of(value);
        else if (strcmp(field, "intent") == 0)
                record->intents |= 1U << (number_of(value) - 1);
        else if (strncmp(field, "intent.", 7) == 0)
                record->intents |= 1U << (strtoul(field + 7, NULL, 10) - 1);
        else if (strncmp(field, "effect.", 7) == 0)
                record->effects |= 1U << (strtoul(field + 7, NULL, 10) - 1);
}

static struct store_record look(void *context, uint8_t id)
{
        struct redis *redis = context;
        struct store_record record = {0};
        redisReply *reply = must(redisCommand(redis->connection, "HGETALL " JOB_KEY, (unsigned)id));
        for (size_t i = 0; i + 1 < reply->elements; i += 2)
                look_at(&record, reply->element[i]->str, reply->element[i + 1]);
        freeReplyObject(reply);
        reply = must(redisCommand(redis->connection, "PTTL " JOB_KEY, (unsigned)id));
        record.expires_after_ms = reply->integer;
        if (record.lease_until_ms > 0)
                record.lease_until_ms -= now_ms(redis);
        freeReplyObject(reply);
        return record;
}

static void redis_answers_every_case_as_its_model_does(void **state)
{
        struct store_driver driver = {
                .context = *state,
                .reset = reset,
                .call = call,
                .lose = lose,
                .drop = drop,
                .queue = queue,
                .expire_lease = expire_lease,
                .set_due = set_due,
                .set_back = set_back,
                .old_intent = old_intent,
                .look = look,
        };
        char error[400];
        for (size_t i = 0; i < store_case_count(); i++)
                if (!store_case_run(i, &driver, error, sizeof error))
                        fail_msg("%s", error);
        reset(*state);
}

static struct store_request of_job(enum store_script script, uint64_t owner)
{
        return (struct store_request){.script = script,
                                      .id = 0,
                                      .owner = owner,
                                      .lease_ms = 60000,
                                      .keep_ms = 3600000,
                                      .max_crashes = 2,
                                      .tier_ms = 50000,
                                      .fingerprint = 7,
                                      .effect = script == STORE_COMPLETE,
                                      .effects_total = 1,
                                      .fresh = script == STORE_COMPLETE};
}

static void ask(struct redis *redis, enum store_script script, uint64_t owner)
{
        struct store_request request = of_job(script, owner);
        call(redis, &request);
}

static void expect_entries(struct redis *redis, const char *const *begins)
{
        redisReply *list = must(redisCommand(redis->connection, "LRANGE " EVENTS_KEY " 0 -1", 0U));
        for (size_t i = 0; begins[i]; i++) {
                if (i == list->elements)
                        fail_msg("entry %zu of the timeline is missing: %s", i, begins[i]);
                const char *entry = strstr(list->element[i]->str, "\"event\"");
                if (!entry || strncmp(entry, begins[i], strlen(begins[i])) != 0)
                        fail_msg("entry %zu of the timeline: %s, not %s", i, list->element[i]->str,
                                 begins[i]);
                if (!begins[i + 1])
                        assert_int_equal(list->elements, i + 1);
        }
        if (!begins[0])
                assert_int_equal(list->elements, 0);
        freeReplyObject(list);
        list = must(redisCommand(redis->connection, "PTTL " EVENTS_KEY, 0U));
        assert_true(!begins[0] || list->integer > 0); /* not for ever */
        freeReplyObject(list);
}

#define NEW_ENTRY "\"event\":\"claim\",\"answer\":\"new\",\"attempt\":0"
#define ENTRIES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void the_timeline_begins_before_anything_else_happens(void **state)
{
        static const struct {
                enum store_script script;
                const char *entry;
        } then[] = {
                {STORE_RENEW, NULL},
                {STORE_INTEND, NULL},
                {STORE_RECORD, "\"event\":\"record\""},
                {STORE_DECIDE, "\"event\":\"decide\""},
                {STORE_KILLED, "\"event\":\"killed\""},
                {STORE_CLAIM, "\"event\":\"claim\",\"answer\":\"mine\""},
        };
        for (size_t i = 0; i < sizeof then / sizeof *then; i++) {
                reset(*state);
                ask(*state, STORE_CLAIM, 1);
                expect_entries(*state, ENTRIES());
                ask(*state, then[i].script, 1);
                ask(*state, STORE_RENEW, 1);
                expect_entries(*state, ENTRIES(NEW_ENTRY, then[i].entry));
                ask(*state, STORE_COMPLETE, 1);
                redisReply *last = must(redisCommand(((struct redis *)*state)->connection,
                                                     "LRANGE " EVENTS_KEY " -1 -1", 0U));
                const char completed[] = "\"event\":\"completed\",\"effect\":\"1\",\"outlet\":\"mail\","
                                         "\"outcome\":\"sent\",\"provider_id\":\"provider\"}";
                assert_non_null(strstr(last->element[0]->str, completed));
                freeReplyObject(last);
        }
        reset(*state);
}

static void a_completion_that_tells_more_than_a_record_can_is_noted(void **state)
{
        reset(*state);
        ask(*state, STORE_CLAIM, 1);
        struct store_request request = of_job(STORE_COMPLETE, 1);
        request.effects_total = 2;
        call(*state, &request);
        expect_entries(*state, ENTRIES(NEW_ENTRY, "\"event\":\"complete\""));
        reset(*state);
}

/* Its record tells all. */
static void a_job_to_which_nothing_happened_has_no_timeline_of_its_own(void **state)
{
        static const char *const fields[] = {
                "state",          "completed", "owner",        "",       "starts",   "0",
                "attempt",        "0",         "deferrals",    "0",      "redrives", "0",
                "effects_total",  "1",         "effects_done", "1",      "effect.1", "provider",
                "lease_until_ms", "0",         "worker",       "worker", "queue",    "work"};
        struct redis *redis = *state;
        reset(redis);
        ask(redis, STORE_CLAIM, 1);
        ask(redis, STORE_COMPLETE, 1);
        expect_entries(redis, ENTRIES());
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i += 2) {
                redisReply *value =
                        must(redisCommand(redis->connection, "HGET " JOB_KEY " %s", 0U, fields[i]));
                assert_string_equal(value->str ? value->str : "none", fields[i + 1]);
                freeReplyObject(value);
        }
        redisReply *times =
                must(redisCommand(redis->connection, "HMGET " JOB_KEY " started_ms finished_ms", 0U));
        assert_int_equal(strtoll(times->element[1]->str, NULL, 10),
                         strtoll(times->element[0]->str, NULL, 10) + 5);
        freeReplyObject(times);
        ask(redis, STORE_CLAIM, 2);
        expect_entries(redis, ENTRIES("\"event\":\"claim\",\"answer\":\"done\""));
        reset(redis);
}

/* What the record tells of its first owner is written down before another's name stands there. */
static void who_takes_a_job_over_comes_second_in_its_timeline(void **state)
{
        struct redis *redis = *state;
        reset(redis);
        ask(redis, STORE_CLAIM, 1);
        expire_lease(redis, 0);
        struct store_request alone = of_job(STORE_CLAIM, 2);
        alone.alone = true;
        call(redis, &alone);
        expect_entries(redis, ENTRIES(NEW_ENTRY, "\"event\":\"claim\",\"answer\":\"resumed\""));
        reset(redis);
}

static redisReply *record_of(struct redis *redis, bool quick)
{
        bool before = redis->quick;
        redis->quick = quick;
        reset(redis);
        ask(redis, STORE_CLAIM, 1);
        redis->quick = before;
        return must(redisCommand(redis->connection, "HGETALL " JOB_KEY, 0U));
}

/* With or without a script: the same fields in the same order, and the same values but for the moment. */
static void a_record_says_the_same_however_it_was_claimed(void **state)
{
        enum { MOMENT_MS = 5000 };
        redisReply *scripted = record_of(*state, false), *quick = record_of(*state, true);
        assert_int_equal(scripted->elements, quick->elements);
        for (size_t i = 0; i < scripted->elements; i += 2) {
                const char *name = scripted->element[i]->str;
                const char *value = scripted->element[i + 1]->str, *other = quick->element[i + 1]->str;
                assert_string_equal(quick->element[i]->str, name);
                if (strcmp(name + strlen(name) - 3, "_ms") == 0)
                        assert_in_range(strtoll(other, NULL, 10) - strtoll(value, NULL, 10) + MOMENT_MS, 0,
                                        2 * MOMENT_MS);
                else
                        assert_string_equal(other, value);
        }
        freeReplyObject(scripted);
        freeReplyObject(quick);
        redisReply *kept = must(redisCommand(((struct redis *)*state)->connection, "PTTL " JOB_KEY, 0U));
        assert_in_range(kept->integer, 3600000 - MOMENT_MS, 3600000);
        freeReplyObject(kept);
        reset(*state);
}

static int open_redis(void **state)
{
        static struct redis redis;
        char host[128], password[128] = "";
        int port = 6379;
        const char *url = getenv("LEVERET_TEST_REDIS_URL");
        if (sscanf(url, "redis://:%127[^@]@%127[^:/]:%d", password, host, &port) < 2 &&
            sscanf(url, "redis://%127[^:/]:%d", host, &port) < 1)
                return -1;
        redis.connection = redisConnectWithTimeout(host, port, (struct timeval){.tv_sec = 5});
        if (!redis.connection || redis.connection->err)
                return -1;
        if (password[0])
                forget(redisCommand(redis.connection, "AUTH %s", password));
        redis.finish = calloc(1, 1);
        append_file(&redis.finish, "finish");
        append_file(&redis.finish, "prelude");
        append_file(&redis.finish, "complete");
        for (int i = 0; i < STORE_SCRIPT_COUNT; i++) {
                redis.scripts[i] = calloc(1, 1);
                if (i == STORE_CLAIM)
                        append_file(&redis.scripts[i], "claim_new");
                append_file(&redis.scripts[i], "prelude");
                append_file(&redis.scripts[i], store_script_word((enum store_script)i));
        }
        *state = &redis;
        return 0;
}

static int open_quick(void **state)
{
        int failed = open_redis(state);
        if (!failed)
                ((struct redis *)*state)->quick = true;
        return failed;
}

static int close_redis(void **state)
{
        struct redis *redis = *state;
        for (int i = 0; i < STORE_SCRIPT_COUNT; i++)
                free(redis->scripts[i]);
        free(redis->finish);
        redisFree(redis->connection);
        return 0;
}

int main(void)
{
        if (!getenv("LEVERET_TEST_REDIS_URL")) {
                puts("skipped: LEVERET_TEST_REDIS_URL names no Redis to test against");
                return 77;
        }
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(redis_answers_every_case_as_its_model_does),
                cmocka_unit_test(the_timeline_begins_before_anything_else_happens),
                cmocka_unit_test(a_completion_that_tells_more_than_a_record_can_is_noted),
                cmocka_unit_test(a_job_to_which_nothing_happened_has_no_timeline_of_its_own),
                cmocka_unit_test(who_takes_a_job_over_comes_second_in_its_timeline),
                cmocka_unit_test(a_record_says_the_same_however_it_was_claimed),
        };
        int failed = cmocka_run_group_tests_name("claimed by a script", tests, open_redis, close_redis);
        return failed + cmocka_run_group_tests_name("claimed without one", tests, open_quick, close_redis);
}
