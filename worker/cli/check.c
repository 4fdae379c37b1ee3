#include "cli/cli.h"
#include "cli/mail_once.h"
#include "core/mail/mail_guard.h"
#include "core/plan/plan.h"
#include "core/send/mail_look.h"
#include "core/text/word.h"
#include "core/trace/otlp_pairs.h"
#include "core/types/type_set.h"
#include "io/amqp/amqp_topology.h"
#include "io/broker/amqp_policies.h"
#include "io/machine/url.h"
#include "io/trace/otlp.h"
#include "relay/relay.h"

#include <inttypes.h>
#include <stdlib.h>

static void check_tell(struct cli_table *table, const char *service, bool ok, const char *detail)
{
        cli_table_row(table, service, ok ? "ok" : "failed", cli_safe(table->cli, slice_of(detail)));
}

static const char eviction_unknown[] =
        "takes writes; INFO is refused, so it is not known whether it evicts records: allow INFO, or see to "
        "maxmemory-policy noeviction";

/* A failover can choose any replica, also one that was not waited for. */
static bool probe_replicas(struct cli *cli, struct cli_table *table, struct redis_sync *redis)
{
        char error[256];
        int64_t wanted = cli->config->redis.replicas, have = redis_sync_replicas(redis);
        bool ok = redis_sync_wait(redis, cli->config, error);
        if (!ok)
                check_tell(table, "replicas", false, error);
        else if (have > wanted)
                cli_table_row(table, "replicas", "warning",
                              arena_printf(&cli->arena,
                                           "there are %" PRId64 ", and redis.replicas waits for %" PRId64
                                           ": a failover to another one may forget what was recorded last",
                                           have, wanted));
        else
                check_tell(table, "replicas", true,
                           arena_printf(&cli->arena, "%" PRId64 " acknowledge", wanted));
        return ok;
}

static bool probe_redis(struct cli *cli, struct cli_table *table)
{
        char error[256];
        struct redis_sync *redis = redis_sync_open(cli->config, error);
        if (!redis) {
                check_tell(table, "redis", false, error);
                return false;
        }
        char found[REDIS_FOUND_SIZE];
        bool unknown = redis_sync_keeps_unknown(redis), ok = true;
        redis_sync_found(redis, found);
        check_tell(table, "redis", true,
                   arena_printf(&cli->arena, "%s%s%s", found, text_if(!unknown, ", "),
                                unknown ? eviction_unknown : "takes writes, evicts nothing"));
        if (cli->config->redis.replicas > 0)
                ok = probe_replicas(cli, table, redis);
        redis_sync_close(redis);
        return ok;
}

static bool probe_amqp(struct cli *cli, struct cli_table *table)
{
        struct amqp_error error;
        bool ok = amqp_topology_apply(cli->config, TOPOLOGY_VERIFY, NULL, &error);
        check_tell(table, "amqp", ok, ok ? "topology is in place" : error.text);
        return ok;
}

struct policy_rows {
        struct cli_table *table;
        size_t count;
        bool loses;
};

static void check_on_policy(void *context, const char *queue, const struct policy_finding *finding)
{
        struct policy_rows *rows = context;
        struct arena *arena = &rows->table->cli->arena;
        rows->count++;
        rows->loses |= finding->harm == POLICY_LOSES;
        cli_table_row(
                rows->table, "policies", finding->harm == POLICY_LOSES ? "failed" : "warning",
                cli_safe(rows->table->cli, slice_of(arena_printf(arena, "%s: %s", queue, finding->text))));
}

static bool probe_policies(struct cli *cli, struct cli_table *table)
{
        struct amqp_error error;
        struct policy_rows rows = {.table = table};
        if (!cli->config->amqp.management_url) {
                cli_table_row(table, "policies", "unknown", "not looked at: amqp.management_url is not set");
                return true;
        }
        bool asked = amqp_policies_look(cli->config, check_on_policy, &rows, &error);
        if (!asked)
                check_tell(table, "policies", false, error.text);
        else if (rows.count == 0)
                check_tell(table, "policies", true, "none expires or refuses messages in leveret's queues");
        return asked && !rows.loses;
}

static bool probe_outbox(struct cli *cli, struct cli_table *table)
{
        char text[RELAY_ERROR_MAX];
        if (!cli->config->relay.url)
                return true;
        bool ok = relay_probe(cli->config, text);
        check_tell(table, "postgres", ok, arena_strdup(&cli->arena, text));
        return ok;
}

static const char *mail_proven(const struct config *config)
{
        switch (config->mail.transport) {
        case TRANSPORT_HTTP:
                return "connects; `leveret mail test` tells whether the API key is good";
        case TRANSPORT_SMTP:
                return config->mail.smtp.username && *config->mail.smtp.username ? "connects and logs in"
                                                                                 : "connects";
        case TRANSPORT_LOG:
                return "every mail is but a line of the log";
        }
        abort();
}

static bool probe_mail(struct cli *cli, struct cli_table *table)
{
        char error[256];
        struct send_result result;
        if (!mail_once(cli->config, NULL, &result, error)) {
                check_tell(table, "mail", false, error);
                return false;
        }
        bool ok = result.outcome == SEND_DONE;
        check_tell(
                table, "mail", ok,
                ok ? mail_proven(cli->config)
                   : arena_printf(&cli->arena, "%s: %s", mail_place(&cli->arena, cli->config), result.error));
        return ok;
}

/* What follows for mails that may have been sent. */
static const char *look_follows(const struct config_outlet *outlet, const struct look_result *result)
{
        if (result->answer != LOOK_UNKNOWN)
                return "what may have been sent is asked for";
        if (!result->refused)
                return result->error;
        return outlet->has_on_ambiguous ? "refused: what may have been sent will be parked"
                                        : "refused: on_ambiguous is resend";
}

/* May the service be asked for mails, where it is to be? Only what was ordered and is refused is a failure.
 */
static bool probe_look(struct cli *cli, struct cli_table *table, const struct config_outlet *outlet)
{
        struct look_result result = {.answer = LOOK_UNKNOWN};
        if (mail_look_policy(outlet) != ON_AMBIGUOUS_LOOKUP)
                return true;
        bool opened = mail_once_look(outlet, &result, result.error);
        bool ok = opened && result.answer != LOOK_UNKNOWN, failed = !ok && outlet->has_on_ambiguous;
        const char *detail =
                arena_printf(&cli->arena, "%s: %s%s%s", outlet->name, look_follows(outlet, &result),
                             text_if(result.refused, ": "), text_if(result.refused, result.error));
        const char *state = failed ? "failed" : "warning";
        cli_table_row(table, "look-up", ok ? "ok" : state, cli_safe(cli, slice_of(detail)));
        return !failed;
}

static bool probe_looks(struct cli *cli, struct cli_table *table)
{
        const struct config_outlet *outlet;
        bool ok = true;
        for (size_t i = 0; (outlet = config_outlet_at(cli->config, i)); i++)
                ok = probe_look(cli, table, outlet) && ok;
        return ok;
}

/* Would headers, which hold the key as a rule, travel in plain text? */
static bool shows_headers(struct cli *cli, const char *target)
{
        return cli->config->otlp.headers.count > 0 && strncmp(target, "http:", 5) == 0 &&
               !url_is_loopback(&cli->arena, target);
}

/* Never a failure: no mail waits for a collector. */
static void probe_otlp(struct cli *cli, struct cli_table *table)
{
        const char *target = otlp_target(&cli->arena, cli->config);
        if (!target)
                return;
        struct otlp_verdict verdict = otlp_probe(cli->config, "check");
        if (verdict.end != OTLP_TAKEN)
                cli_table_row(table, "spans", "warning",
                              cli_safe(cli, slice_of(arena_printf(&cli->arena,
                                                                  "%s; they are dropped until it takes them",
                                                                  verdict.text))));
        else if (shows_headers(cli, target))
                cli_table_row(table, "spans", "warning",
                              "the collector takes them, and otlp.headers travels to it unencrypted");
        else
                check_tell(table, "spans", true, "the collector takes them");
}

static void tell_guard(struct cli *cli, struct cli_table *table)
{
        struct buffer text = {0};
        mail_guard_tell(&cli->config->guard, &text);
        if (text.len)
                check_tell(table, "guard", true, arena_copy(&cli->arena, text.data, text.len));
        buffer_fini(&text);
}

/* Each tick publishes the same payload: one that its type refuses would die at every tick. */
static bool check_schedule(struct cli *cli, struct cli_table *table, const struct config_schedule *schedule)
{
        const struct handler *handler = type_set_find(cli->types, slice_of(schedule->type));
        struct faults faults = {.arena = &cli->arena};
        struct plan *plan;
        char text[512];
        if (!handler) {
                cli_table_row(table, "schedules", "warning",
                              arena_printf(&cli->arena, "%s: no handler here for %s", schedule->name,
                                           schedule->type));
                return true;
        }
        enum plan_outcome outcome = plan_build_text(handler, slice_of(schedule->data), &plan, &faults);
        if (outcome == PLAN_OK || outcome == PLAN_PLANNERS)
                return true;
        faults_join(&faults, text, sizeof(text));
        check_tell(table, "schedules", false,
                   arena_printf(&cli->arena, "%s: %s would die at every tick: data: %s", schedule->name,
                                schedule->type, text));
        return false;
}

static bool check_schedules_data(struct cli *cli, struct cli_table *table)
{
        bool ok = true;
        for (size_t i = 0; i < cli->config->schedule_count; i++)
                ok = check_schedule(cli, table, &cli->config->schedules[i]) && ok;
        return ok;
}

/* All errors of the configuration, then whether each service can be used with it. Sends no mail: see `mail
 * test`. */
int command_check(struct cli *cli, int argc, char **argv)
{
        const char *offline = NULL;
        const struct cli_flag flags[] = {{.name = "--offline", .value = &offline}, {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count > 0)
                return cli_usage(cli, cli->help ? NULL : "it takes no words");
        int status = cli_config(cli);
        if (status != CLI_OK)
                return status;
        static const struct cli_column columns[] = {
                {.title = "SERVICE"}, {.title = "STATE"}, {.title = "DETAIL"}};
        struct cli_table table;
        cli_table_init(&table, cli, columns, CLI_COUNT(columns));
        check_tell(&table, "config", true, "no errors");
        bool ok = check_schedules_data(cli, &table);
        tell_guard(cli, &table);
        if (!offline) {
                ok = probe_amqp(cli, &table) && ok;
                ok = probe_policies(cli, &table) && ok;
                ok = probe_redis(cli, &table) && ok;
                ok = probe_outbox(cli, &table) && ok;
                ok = probe_mail(cli, &table) && ok;
                ok = probe_looks(cli, &table) && ok;
                probe_otlp(cli, &table);
        }
        cli_table_print(&table);
        return ok ? CLI_OK : CLI_ERROR;
}
