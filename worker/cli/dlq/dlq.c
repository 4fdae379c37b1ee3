#include "cli/dlq/dlq_command.h"
#include "core/broker/topology.h"
#include "core/codec/rfc3339.h"
#include "core/text/units.h"
#include "io/machine/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verb {
        const char *name;
        int (*run)(struct dlq *dlq);
        const char *flags; /* that it obeys; any other is refused, not ignored */
        bool takes_file;   /* in place of a queue */
};

#define CHOOSING "--type --reason --subject --search --since"
static const struct verb verbs[] = {
        {.name = "list", .run = dlq_list, .flags = CHOOSING " --all --limit --newest"},
        {.name = "groups", .run = dlq_groups, .flags = CHOOSING " --all"},
        {.name = "show", .run = dlq_show, .flags = CHOOSING " --full"},
        {.name = "redrive",
         .run = dlq_redrive,
         .flags = CHOOSING " --all --limit --expired --dry-run --rate --wait --edit --set --filter --to"},
        {.name = "drop", .run = dlq_drop, .flags = CHOOSING " --all --limit --dry-run --backup"},
        {.name = "purge", .run = dlq_purge, .flags = "--all --dry-run --backup"},
        {.name = "restore", .run = dlq_restore, .flags = "--to", .takes_file = true},
        {.name = "export", .run = dlq_export, .flags = CHOOSING " --all --limit"},
        {.name = "sync", .run = dlq_sync, .flags = ""},
        {0},
};

static const struct verb *verb_find(const char *name)
{
        const struct verb *verb = verbs;
        while (verb->name && strcmp(verb->name, name) != 0)
                verb++;
        return verb->name ? verb : NULL;
}

static bool verb_obeys(const struct verb *verb, const char *flag)
{
        size_t len = strlen(flag);
        for (const char *at = verb->flags; (at = strstr(at, flag)); at += len)
                if (at[len] == ' ' || at[len] == '\0')
                        return true;
        return false;
}

static int check_flags(struct cli *cli, const struct verb *verb, const struct cli_flag *flags)
{
        for (const struct cli_flag *flag = flags; flag->name; flag++)
                if (*flag->value && !verb_obeys(verb, flag->name))
                        return cli_usage(cli,
                                         arena_printf(&cli->arena, "%s does not go with dlq %s%s%s",
                                                      flag->name, verb->name,
                                                      verb->flags[0] ? ", which takes " : "", verb->flags));
        return CLI_OK;
}

/* An empty word is in every text, and it is the id of every message that has none. */
static int check_words(const struct dlq *dlq, const struct cli_flag *flags)
{
        struct cli *cli = command_of(dlq)->cli;
        for (const struct cli_flag *flag = flags; flag->name; flag++)
                if (flag->takes_value && *flag->value && (*flag->value)[0] == '\0')
                        return cli_usage(cli, arena_printf(&cli->arena, "%s is empty", flag->name));
        for (size_t i = 0; i < dlq->id_count; i++)
                if (dlq->ids[i][0] == '\0')
                        return cli_usage(cli, "an ID is empty");
        return CLI_OK;
}

/* How long ago, or a time. */
static bool parse_since(struct dlq *dlq)
{
        int64_t ago_ms;
        if (duration_parse(command_of(dlq)->since, &ago_ms))
                dlq->since_ms = clock_wall_ms() - ago_ms;
        else if (!rfc3339_parse(slice_of(command_of(dlq)->since), &dlq->since_ms))
                return false;
        return true;
}

static int parse_values(struct dlq *dlq)
{
        enum { WAIT_MS = 30000 };
        command_of(dlq)->wait_ms = WAIT_MS;
        dlq->all = command_of(dlq)->all != NULL;
        dlq->expired = command_of(dlq)->expired != NULL;
        if (command_of(dlq)->since && !parse_since(dlq))
                return cli_usage(command_of(dlq)->cli,
                                 "--since takes how long ago, as 2h, or a time, as 2026-01-31T12:00:00Z");
        if (command_of(dlq)->wait && command_of(dlq)->wait[0] &&
            !duration_parse(command_of(dlq)->wait, &command_of(dlq)->wait_ms))
                return cli_usage(command_of(dlq)->cli, "--wait takes a duration, as 30s");
        if (command_of(dlq)->limit &&
            !cli_parse_count(command_of(dlq)->limit, 1, 1000000000, &dlq->limit_count))
                return cli_usage(command_of(dlq)->cli, "--limit takes 1 to 1000000000");
        return CLI_OK;
}

static const char *queues_text(struct cli *cli, bool unrouted)
{
        struct buffer text = {0};
        for (size_t i = 0; i < cli->config->queue_count; i++)
                buffer_printf(&text, "%s%s", i ? ", " : "", cli->config->queues[i].name);
        if (unrouted)
                buffer_printf(&text, "%s%s", text.len ? ", " : "", QUEUE_UNROUTED);
        const char *copy = arena_strdup(&cli->arena, text.data ? text.data : "none");
        buffer_fini(&text);
        return copy;
}

const char *dlq_operator(struct arena *arena)
{
        const char *user = getenv("SUDO_USER");
        if (!user)
                user = getenv("USER");
        return arena_printf(arena, "%.64s@%s", user ? user : "operator", dlq_host(arena));
}

static int name_queues(struct dlq *dlq, const char *word)
{
        struct cli *cli = command_of(dlq)->cli;
        if (dlq_name(dlq, word))
                return CLI_OK;
        return cli_fail(cli, CLI_NOT_FOUND, "no queue %s is configured; there are %s",
                        cli_safe(cli, slice_of(word)), queues_text(cli, true));
}

static int name_target(struct dlq *dlq)
{
        if (command_of(dlq)->to && !(dlq->target = dlq_work_queue(&dlq->query, command_of(dlq)->to)))
                return cli_fail(command_of(dlq)->cli, CLI_NOT_FOUND,
                                "--to %s: no such work queue is configured; there are %s",
                                cli_safe(command_of(dlq)->cli, slice_of(command_of(dlq)->to)),
                                queues_text(command_of(dlq)->cli, false));
        return CLI_OK;
}

struct verb_run {
        struct dlq *dlq;
        const struct verb *verb;
        int status;
};

static void run_verb(void *context)
{
        struct verb_run *run = context;
        run->status = run->verb->takes_file ? CLI_OK : dlq_index_load(run->dlq);
        if (run->status == CLI_OK)
                run->status = run->verb->run(run->dlq);
}

static void dlq_on_told(struct dlq *dlq, int status, const char *text)
{
        struct cli *cli = command_of(dlq)->cli;
        cli_fail(cli, status, "%s", cli_safe(cli, slice_of(text)));
}

static void dlq_on_moved(struct dlq *dlq, int64_t done, int64_t total)
{
        struct progress *progress = &command_of(dlq)->progress;
        progress->total = total;
        progress_show(progress, done);
}

/* From now on Ctrl-C stops it in order; it ended the question. */
static void on_begins(struct dlq *dlq)
{
        (void)dlq;
        dlq_catch_interrupt();
}

static bool dlq_on_stopped(struct dlq *dlq)
{
        (void)dlq;
        return dlq_interrupted();
}

_Static_assert((int)DLQ_OK == CLI_OK && (int)DLQ_ERROR == CLI_ERROR && (int)DLQ_NOT_FOUND == CLI_NOT_FOUND &&
                       (int)DLQ_REFUSED == CLI_REFUSED,
               "what the work returns is the exit status of its command");

static int run_on_queue(struct dlq *dlq, const struct verb *verb)
{
        struct cli *cli = command_of(dlq)->cli;
        struct verb_run run = {.dlq = dlq, .verb = verb, .status = CLI_ERROR};
        dlq->query.redis = cli_redis(cli);
        if (!dlq->query.redis)
                return CLI_ERROR;
        dlq->who = dlq_operator(dlq->query.arena);
        dlq->types = cli->types;
        if (!dlq_run_on_big_stack(run_verb, &run))
                cli_fail(cli, CLI_ERROR, "no thread could be started");
        redis_sync_close(dlq->query.redis);
        return run.status;
}

static const char *verb_missing(struct cli *cli)
{
        const char *names[CLI_COUNT(verbs)] = {0};
        for (size_t i = 0; verbs[i].name; i++)
                names[i] = verbs[i].name;
        return cli_word_missing(cli, "say what to do with the dead letters", names);
}

int command_dlq(struct cli *cli, int argc, char **argv)
{
        struct dlq_command command = {.cli = cli};
        struct dlq dlq = {.told = dlq_on_told,
                          .begins = on_begins,
                          .stopped = dlq_on_stopped,
                          .moved = dlq_on_moved,
                          .context = &command};
        const struct cli_flag flags[] = {{.name = "--reason", .takes_value = true, .value = &dlq.reason},
                                         {.name = "--type", .takes_value = true, .value = &dlq.type},
                                         {.name = "--search", .takes_value = true, .value = &dlq.search},
                                         {.name = "--rate", .takes_value = true, .value = &command.rate},
                                         {.name = "--to", .takes_value = true, .value = &command.to},
                                         {.name = "--backup", .takes_value = true, .value = &command.backup},
                                         {.name = "--limit", .takes_value = true, .value = &command.limit},
                                         {.name = "--subject", .takes_value = true, .value = &dlq.subject},
                                         {.name = "--since", .takes_value = true, .value = &command.since},
                                         {.name = "--filter", .takes_value = true, .value = &command.filter},
                                         {.name = "--set", .takes_value = true, .value = &command.set},
                                         {.name = "--wait", .takes_duration = true, .value = &command.wait},
                                         {.name = "--newest", .value = &command.newest},
                                         {.name = "--expired", .value = &command.expired},
                                         {.name = "--all", .value = &command.all},
                                         {.name = "--full", .value = &command.full},
                                         {.name = "--dry-run", .value = &command.dry_run},
                                         {.name = "--edit", .value = &command.edit},
                                         {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        const struct verb *verb = cli->word_count > 0 ? verb_find(cli->words[0]) : NULL;
        if (cli->help)
                return cli_usage(cli, NULL);
        if (!verb)
                return cli_usage(cli, verb_missing(cli));
        if (cli->word_count < 2)
                return cli_usage(cli,
                                 verb->takes_file ? "name a file that drop has written" : "name a queue");
        dlq.ids = cli->words + 2;
        dlq.id_count = cli->word_count - 2;
        int status = check_flags(cli, verb, flags);
        if (status == CLI_OK)
                status = check_words(&dlq, flags);
        if (status == CLI_OK)
                status = parse_values(&dlq);
        if (status == CLI_OK)
                status = cli_config(cli);
        dlq.query = (struct query){.config = cli->config, .arena = &cli->arena};
        if (status == CLI_OK && !verb->takes_file)
                status = name_queues(&dlq, cli->words[1]);
        if (status == CLI_OK)
                status = name_target(&dlq);
        return status == CLI_OK ? run_on_queue(&dlq, verb) : status;
}
