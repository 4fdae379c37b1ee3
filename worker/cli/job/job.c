#include "cli/cli.h"
#include "cli/job/job_cancel.h"
#include "cli/job/job_show.h"
#include "core/record/keys.h"
#include "query/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_column list_columns[] = {{.title = "ID"},
                                                 {.title = "STATE", .whole = true, .state = true},
                                                 {.title = "TYPE"},
                                                 {.title = "QUEUE", .extra = true},
                                                 {.title = "ATTEMPT", .numeric = true},
                                                 {.title = "STARTED", .optional = true, .whole = true},
                                                 {.title = "REASON"},
                                                 {.title = "ERROR"}};

static void list_row(struct cli *cli, struct cli_table *table, struct slice id,
                     const struct redis_value *record)
{
        const char *state =
                job_is_stuck(record) ? "stuck" : cli_safe(cli, redis_value_field(record, "state"));
        cli_table_row(table, cli_safe(cli, id), state, cli_safe(cli, redis_value_field(record, "type")),
                      cli_safe(cli, redis_value_field(record, "queue")),
                      cli_safe(cli, redis_value_field(record, "attempt")),
                      cli_when(cli, job_field_integer(record, "started_ms")),
                      cli_safe(cli, redis_value_field(record, "reason")),
                      cli_safe(cli, redis_value_field(record, "error")));
}

static int list(struct cli *cli, struct redis_sync *redis, const struct job_filter *filter, int64_t limit)
{
        struct job_list list;
        struct cli_table table;
        jobs_list(&(struct query){cli->config, redis, &cli->arena}, filter, (size_t)limit, &list);
        if (list.error)
                return cli_fail(cli, CLI_ERROR, "Redis: %s", cli_safe(cli, slice_of(list.error)));
        cli_table_init(&table, cli, list_columns, CLI_COUNT(list_columns));
        for (size_t i = 0; i < list.count; i++)
                list_row(cli, &table, slice_of(list.rows[i].id), list.rows[i].record);
        cli_table_print(&table);
        if (list.more)
                fprintf(stderr, "leveret job: the newest %" PRId64 "; there are more, see --limit\n", limit);
        return CLI_OK;
}

/* KEYS: job, timeline, payload. Answers {what, state, subject}: nothing is forgotten of a job that runs under
 * a lease.
 */
static const char forget_script[] =
        "local r = redis.call('HMGET', KEYS[1], 'state', 'lease_until_ms', 'subject') "
        "if not r[1] and redis.call('EXISTS', KEYS[2]) == 0 then return {'unknown', '', ''} end "
        "local now = redis.call('TIME') "
        "if r[1] == 'running' and (tonumber(r[2]) or 0) > now[1] * 1000 then return {'runs', r[1], ''} end "
        "redis.call('DEL', KEYS[1], KEYS[2], KEYS[3]) "
        "return {'forgotten', r[1] or '', r[3] or ''}";

static void forget_listed(struct cli *cli, struct redis_sync *redis, const char *id, struct slice subject)
{
        const char *prefix = cli->config->redis.prefix;
        for (size_t i = 0; jobs_listed_states[i]; i++)
                redis_sync_call(redis, &cli->arena, "ZREM",
                                record_key(&cli->arena, prefix, KEY_JOBS, jobs_listed_states[i]), id, NULL);
        if (subject.len > 0)
                redis_sync_call(redis, &cli->arena, "ZREM",
                                record_key(&cli->arena, prefix, KEY_SUBJECT,
                                           arena_copy(&cli->arena, subject.data, subject.len)),
                                id, NULL);
}

static void print_forgotten(const struct cli *cli, const char *id, const char *state)
{
        struct buffer out = {0};
        if (cli->output == CLI_JSON) {
                buffer_add_text(&out, "{\"id\":");
                buffer_add_json_string(&out, slice_of(id));
                buffer_add_text(&out, ",\"forgotten\":true,\"state\":");
                buffer_add_json_string(&out, slice_of(state));
                buffer_add_char(&out, '}');
        } else {
                buffer_printf(&out, "%s is forgotten; it was %s", id,
                              state[0] ? state : "a timeline without a record");
        }
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

/* As if the job had never been seen. Its messages are left alone, wherever they are. */
static int job_forget(struct cli *cli, struct redis_sync *redis, const char *id)
{
        const char *prefix = cli->config->redis.prefix;
        const struct redis_value *told = redis_sync_call(
                redis, &cli->arena, "EVAL", forget_script, "3", record_key(&cli->arena, prefix, KEY_JOB, id),
                record_key(&cli->arena, prefix, KEY_EVENTS, id),
                record_key(&cli->arena, prefix, KEY_PAYLOAD, id), NULL);
        if (told->kind != REDIS_LIST || told->count != 3)
                return cli_fail(cli, CLI_ERROR, "Redis: %s", cli_safe(cli, told->text));
        if (slice_is(told->items[0].text, "unknown"))
                return cli_fail(cli, CLI_NOT_FOUND, "%s: never received, or its record has expired",
                                cli_safe(cli, slice_of(id)));
        if (slice_is(told->items[0].text, "runs"))
                return cli_fail(cli, CLI_REFUSED, "%s runs now; it can be forgotten when it has ended",
                                cli_safe(cli, slice_of(id)));
        forget_listed(cli, redis, id, told->items[2].text);
        print_forgotten(cli, cli_safe(cli, slice_of(id)), cli_safe(cli, told->items[1].text));
        return CLI_OK;
}

enum verb { VERB_NONE, VERB_LIST, VERB_SHOW, VERB_FORGET, VERB_CANCEL };

static enum verb verb_of(const struct cli *cli)
{
        static const char *const with_id[] = {
                [VERB_SHOW] = "show", [VERB_FORGET] = "forget", [VERB_CANCEL] = "cancel"};
        if (cli->word_count == 1 && strcmp(cli->words[0], "list") == 0)
                return VERB_LIST;
        for (int verb = VERB_SHOW; verb <= VERB_CANCEL; verb++)
                if (cli->word_count == 2 && strcmp(cli->words[0], with_id[verb]) == 0)
                        return (enum verb)verb;
        return VERB_NONE;
}

int command_job(struct cli *cli, int argc, char **argv)
{
        struct job_filter filter = {0};
        const char *limit_text = NULL;
        const struct cli_flag flags[] = {{.name = "--state", .takes_value = true, .value = &filter.state},
                                         {.name = "--type", .takes_value = true, .value = &filter.type},
                                         {.name = "--subject", .takes_value = true, .value = &filter.subject},
                                         {.name = "--limit", .takes_value = true, .value = &limit_text},
                                         {0}};
        int64_t limit = 50;
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        static const char *const verbs[] = {"show", "list", "forget", "cancel", NULL};
        enum verb verb = verb_of(cli);
        if (cli->help || verb == VERB_NONE)
                return cli_usage(cli, cli->help ? NULL
                                                : cli_word_missing(cli,
                                                                   "job show ID, job list, job forget ID "
                                                                   "or job cancel ID",
                                                                   verbs));
        if (limit_text && !cli_parse_count(limit_text, 1, 10000, &limit))
                return cli_usage(cli, "--limit takes 1 to 10000");
        if (jobs_state_problem(&filter))
                return cli_usage(cli, jobs_state_problem(&filter));
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        struct redis_sync *redis = cli_redis(cli);
        if (!redis)
                return CLI_ERROR;
        switch (verb) {
        case VERB_SHOW:
                status = job_show(cli, redis, cli->words[1]);
                break;
        case VERB_FORGET:
                status = job_forget(cli, redis, cli->words[1]);
                break;
        case VERB_CANCEL:
                status = job_cancel(cli, redis, cli->words[1]);
                break;
        case VERB_LIST:
        case VERB_NONE:
                status = list(cli, redis, &filter, limit);
                break;
        }
        redis_sync_close(redis);
        return status;
}
