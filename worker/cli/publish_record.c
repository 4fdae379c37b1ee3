#include "cli/publish_record.h"
#include "core/broker/topology.h"
#include "core/record/keys.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define LOOK_EVERY_MS 50

/* KEYS: job. ARGV: type, created_ms, subject, fingerprint, keep ms. Answers {state, fingerprint} of a record
 * that exists; one of a dropped job makes room, as for a claim. */
static const char write_script[] =
        "local r = redis.call('HMGET', KEYS[1], 'state', 'fingerprint') "
        "if r[1] and r[1] ~= 'dropped' then return {r[1], r[2] or ''} end "
        "redis.call('DEL', KEYS[1]) "
        "redis.call('HSET', KEYS[1], 'state', 'queued', 'type', ARGV[1], 'created_ms', ARGV[2], "
        "'subject', ARGV[3], 'fingerprint', ARGV[4]) "
        "redis.call('PEXPIRE', KEYS[1], ARGV[5]) return {}";

/* KEYS: job. ARGV: created_ms, fingerprint. */
static const char forget_script[] =
        "local r = redis.call('HMGET', KEYS[1], 'state', 'created_ms', 'fingerprint') "
        "if r[1] == 'queued' and r[2] == ARGV[1] and r[3] == ARGV[2] then redis.call('DEL', KEYS[1]) end "
        "return 0";

static const char *key_of(const struct publish_record *record)
{
        struct cli *cli = record->cli;
        return record_key(&cli->arena, cli->config->redis.prefix, KEY_JOB, record->id);
}

/* As a claim sees it: a record that was not claimed yet, or of a dropped job, is taken by any message. */
static bool is_of_another(const struct publish_record *record, struct slice state, struct slice fingerprint)
{
        bool taken = state.len > 0 && !slice_is(state, "queued") && !slice_is(state, "dropped");
        return taken && fingerprint.len > 0 && !slice_is(fingerprint, record->fingerprint);
}

int publish_record_write(struct publish_record *record)
{
        struct cli *cli = record->cli;
        struct arena *arena = &cli->arena;
        const char *created_ms = arena_printf(arena, "%" PRId64, clock_wall_ms());
        const char *keep_ms = arena_printf(arena, "%" PRId64, cli->config->claim.keep_ms);
        const struct redis_value *known = redis_sync_call(
                record->redis, arena, "EVAL", write_script, "1", key_of(record), record->type, created_ms,
                record->subject ? record->subject : "", record->fingerprint, keep_ms, NULL);
        if (known->kind != REDIS_LIST)
                return cli_fail(cli, CLI_ERROR, "not published: Redis: %s", cli_safe(cli, known->text));
        if (known->count < 2) {
                record->created_ms = created_ms;
                return CLI_OK;
        }
        if (is_of_another(record, known->items[0].text, known->items[1].text))
                return cli_fail(cli, CLI_ERROR,
                                "not published: id_conflict: %s is the id of another message; see leveret "
                                "job show %s",
                                record->id, record->id);
        if (slice_is(known->items[0].text, "completed"))
                fprintf(stderr, "%s was completed before; it is not done again\n", record->id);
        if (slice_is(known->items[0].text, "cancelled"))
                fprintf(stderr, "%s was cancelled before; it is not done\n", record->id);
        return CLI_OK;
}

void publish_record_forget(struct publish_record *record)
{
        if (record->created_ms)
                redis_sync_call(record->redis, &record->cli->arena, "EVAL", forget_script, "1",
                                key_of(record), record->created_ms, record->fingerprint, NULL);
}

/* Has it ended? Then `status` is what the command ends with, told. */
static bool is_over(const struct publish_record *record, const struct redis_value *hash, int *status)
{
        struct cli *cli = record->cli;
        struct slice state = redis_value_field(hash, "state");
        *status = CLI_ERROR;
        if (hash->kind == REDIS_FAILED) {
                cli_fail(cli, CLI_ERROR, "published, but its end is not known: Redis: %s",
                         cli_safe(cli, hash->text));
                return true;
        }
        if (is_of_another(record, state, redis_value_field(hash, "fingerprint"))) {
                cli_fail(cli, CLI_ERROR, "dead: id_conflict: %s is the id of another message", record->id);
                return true;
        }
        if (slice_is(state, "dead") || slice_is(state, "dropped")) {
                cli_fail(cli, CLI_ERROR, "%.*s: %s %s", SLICE_PRINT(state),
                         cli_safe(cli, redis_value_field(hash, "reason")),
                         cli_safe(cli, redis_value_field(hash, "error")));
                return true;
        }
        if (slice_is(state, "cancelled")) {
                cli_fail(cli, CLI_ERROR, "cancelled");
                return true;
        }
        if (!slice_is(state, "completed"))
                return false;
        fputs("completed\n", stderr);
        *status = CLI_OK;
        return true;
}

static int tell_late(const struct publish_record *record, const struct redis_value *hash, const char *wait)
{
        struct cli *cli = record->cli;
        struct slice state = redis_value_field(hash, "state");
        const char *shown = state.len > 0 ? cli_safe(cli, state) : "unknown to Redis";
        if (slice_is(state, "queued") && !topology_routes(cli->config, record->type))
                return cli_fail(cli, CLI_ERROR,
                                "still queued after %s: no binding of the configured queues takes %s; see "
                                "leveret dlq list %s",
                                wait, record->type, QUEUE_UNROUTED);
        return cli_fail(cli, CLI_ERROR, "still %s after %s; see leveret job show %s", shown, wait,
                        record->id);
}

int publish_record_await(struct publish_record *record, int64_t wait_ms, const char *wait)
{
        int64_t until_ms = clock_boot_ms() + wait_ms;
        const char *key = key_of(record);
        for (;;) {
                struct arena arena; /* one look a time, for up to a day */
                arena_init(&arena);
                const struct redis_value *hash = redis_sync_call(record->redis, &arena, "HGETALL", key, NULL);
                int status;
                bool over = is_over(record, hash, &status);
                bool late = !over && clock_boot_ms() >= until_ms;
                if (late)
                        status = tell_late(record, hash, wait);
                arena_fini(&arena);
                if (over || late)
                        return status;
                nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_MS * 1000000L}, NULL);
        }
}
