#include "cli/dlq/dlq.h"
#include "core/message/topology.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool interrupted; /* set by the handler, read by the thread that works */

bool dlq_interrupted(void)
{
        return atomic_load(&interrupted);
}

static void on_interrupt(int number)
{
        (void)number;
        atomic_store(&interrupted, true);
}

void dlq_catch_interrupt(void)
{
        sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
}

struct verb {
        const char *name;
        int (*run)(struct dlq *dlq);
        const char *flags; /* that it obeys; any other is refused, not ignored */
};

#define CHOOSING "--type --reason --search"
static const struct verb verbs[] = {
        {.name = "list", .run = dlq_list, .flags = CHOOSING " --all --limit"},
        {.name = "groups", .run = dlq_groups, .flags = CHOOSING " --all"},
        {.name = "show", .run = dlq_show, .flags = CHOOSING " --full"},
        {.name = "redrive",
         .run = dlq_redrive,
         .flags = CHOOSING " --all --limit --dry-run --rate --edit --to"},
        {.name = "drop", .run = dlq_drop, .flags = CHOOSING " --all --limit --dry-run --backup"},
        {.name = "purge", .run = dlq_purge, .flags = "--all --dry-run --backup"},
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
        struct cli *cli = dlq->cli;
        for (const struct cli_flag *flag = flags; flag->name; flag++)
                if (flag->takes_value && *flag->value && (*flag->value)[0] == '\0')
                        return cli_usage(cli, arena_printf(&cli->arena, "%s is empty", flag->name));
        for (size_t i = 0; i < dlq->id_count; i++)
                if (dlq->ids[i][0] == '\0')
                        return cli_usage(cli, "an ID is empty");
        return CLI_OK;
}

static int parse_limit(struct dlq *dlq)
{
        if (dlq->limit && !cli_parse_count(dlq->limit, 1, 1000000000, &dlq->limit_count))
                return cli_usage(dlq->cli, "--limit takes 1 to 1000000000");
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

/* The work queue of that name; "<queue>.dlq" is taken for "<queue>". NULL if it is not configured. */
static const char *work_queue(struct cli *cli, const char *word)
{
        for (size_t i = 0; i < cli->config->queue_count; i++) {
                const char *name = cli->config->queues[i].name;
                if (strcmp(name, word) == 0 || strcmp(topology_dlq_name(&cli->arena, name), word) == 0)
                        return name;
        }
        return NULL;
}

static int name_queues(struct dlq *dlq, const char *word)
{
        struct cli *cli = dlq->cli;
        if (strcmp(word, QUEUE_UNROUTED) == 0) {
                dlq->queue = dlq->source = QUEUE_UNROUTED;
                dlq->target = cli->config->queue_count == 1 ? cli->config->queues[0].name : NULL;
        } else if ((dlq->queue = work_queue(cli, word))) {
                dlq->source = topology_dlq_name(&cli->arena, dlq->queue);
                dlq->target = dlq->queue;
        } else {
                return cli_fail(cli, CLI_NOT_FOUND, "no queue %s is configured; there are %s",
                                cli_safe(cli, slice_of(word)), queues_text(cli, true));
        }
        if (dlq->to && !(dlq->target = work_queue(cli, dlq->to)))
                return cli_fail(cli, CLI_NOT_FOUND, "--to %s: no such work queue is configured; there are %s",
                                cli_safe(cli, slice_of(dlq->to)), queues_text(cli, false));
        return CLI_OK;
}

struct job_of_thread {
        struct dlq *dlq;
        const struct verb *verb;
        int status;
};

static void *run_thread(void *context)
{
        struct job_of_thread *job = context;
        job->status = dlq_index_load(job->dlq);
        if (job->status == CLI_OK)
                job->status = job->verb->run(job->dlq);
        return NULL;
}

/* Headers nested 26,000 deep fit into one frame, and taking them apart recurses. */
static int run_on_big_stack(struct dlq *dlq, const struct verb *verb)
{
        struct job_of_thread job = {.dlq = dlq, .verb = verb, .status = CLI_ERROR};
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, (size_t)AMQP_STACK_BYTES * 4);
        if (pthread_create(&thread, &attributes, run_thread, &job) != 0)
                return cli_fail(dlq->cli, CLI_ERROR, "no thread could be started");
        pthread_join(thread, NULL);
        pthread_attr_destroy(&attributes);
        return job.status;
}

int command_dlq(struct cli *cli, int argc, char **argv)
{
        struct dlq dlq = {.cli = cli};
        const struct cli_flag flags[] = {{.name = "--reason", .takes_value = true, .value = &dlq.reason},
                                         {.name = "--type", .takes_value = true, .value = &dlq.type},
                                         {.name = "--search", .takes_value = true, .value = &dlq.search},
                                         {.name = "--rate", .takes_value = true, .value = &dlq.rate},
                                         {.name = "--to", .takes_value = true, .value = &dlq.to},
                                         {.name = "--backup", .takes_value = true, .value = &dlq.backup},
                                         {.name = "--limit", .takes_value = true, .value = &dlq.limit},
                                         {.name = "--all", .value = &dlq.all},
                                         {.name = "--full", .value = &dlq.full},
                                         {.name = "--dry-run", .value = &dlq.dry_run},
                                         {.name = "--edit", .value = &dlq.edit},
                                         {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        const struct verb *verb = cli->word_count > 0 ? verb_find(cli->words[0]) : NULL;
        if (cli->help || !verb || cli->word_count < 2)
                return cli_usage(cli, cli->help ? NULL
                                      : verb    ? "name a queue"
                                                : "say what to do with the dead letters");
        dlq.ids = cli->words + 2;
        dlq.id_count = cli->word_count - 2;
        int status = check_flags(cli, verb, flags);
        if (status == CLI_OK)
                status = check_words(&dlq, flags);
        if (status == CLI_OK)
                status = parse_limit(&dlq);
        if (status == CLI_OK)
                status = cli_config(cli);
        if (status == CLI_OK)
                status = name_queues(&dlq, cli->words[1]);
        if (status != CLI_OK)
                return status;
        dlq.redis = cli_redis(cli);
        if (!dlq.redis)
                return CLI_ERROR;
        status = run_on_big_stack(&dlq, verb);
        redis_sync_close(dlq.redis);
        return status;
}
