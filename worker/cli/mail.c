#include "cli/cli.h"
#include "cli/mail_once.h"
#include "core/address/address.h"
#include "core/mail/mail_guard.h"
#include "core/mail/mail_request.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The transport log accepts every mail and sends none. */
static const char *outcome_word(const struct config *config, const struct send_result *result)
{
        bool logged = result->outcome == SEND_DONE && config->mail.transport == TRANSPORT_LOG;
        return logged ? "logged" : send_outcome_word(result->outcome);
}

static void tell_json(const struct config *config, const struct send_result *result)
{
        struct buffer out = {0};
        buffer_printf(&out, "{\"outcome\":\"%s\",\"status\":%d", outcome_word(config, result),
                      result->status);
        cli_add_json(&out, "provider_id", result->provider_id[0] ? result->provider_id : NULL);
        cli_add_json(&out, "error", result->error[0] ? result->error : NULL);
        buffer_add_char(&out, '}');
        cli_print_json((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static int mail_tell(struct cli *cli, const struct send_result *result)
{
        if (cli->output == CLI_JSON)
                tell_json(cli->config, result);
        if (result->outcome != SEND_DONE)
                return cli_fail(cli, CLI_ERROR, "%s (status %d): %s: %s", send_outcome_word(result->outcome),
                                result->status, mail_place(&cli->arena, cli->config),
                                cli_safe(cli, slice_of(result->error)));
        if (cli->output == CLI_JSON)
                return CLI_OK;
        if (cli->config->mail.transport == TRANSPORT_LOG)
                cli_print(SLICE_LITERAL("logged, not sent: mail.transport is log"));
        else
                cli_print(slice_of(arena_printf(&cli->arena, "sent, the provider's id is %s",
                                                cli_safe(cli, slice_of(result->provider_id)))));
        return CLI_OK;
}

/* As in a planned mail: the domain in A-labels. */
static const char *recipient_make(struct cli *cli, const char *address)
{
        struct buffer text = {0};
        address_add(&text, slice_of(address));
        const char *to = arena_copy(&cli->arena, text.data, text.len);
        buffer_fini(&text);
        return to;
}

static int send_one(struct cli *cli, const char *to)
{
        const struct config *config = cli->config;
        char error[256];
        const struct mail mail = {
                .key = "test",
                .to = to,
                .subject = "leveret mail test",
                .text = "This mail was sent by `leveret mail test`.\n",
                .html = "<p>This mail was sent by <code>leveret mail test</code>.</p>\n",
        };
        const struct mail_origin origin = {
                .prefix = config->redis.prefix,
                .job_id = arena_printf(&cli->arena, "mail-test-%" PRId64, clock_wall_ms()),
                .from = config->mail.from,
                .date_s = clock_wall_ms() / 1000,
                .guard = &config->guard,
        };
        const char *refusal = mail_guard_refusal(&config->guard, &mail, config->mail.from);
        if (refusal)
                return cli_fail(cli, CLI_REFUSED, "rejected: %s", refusal);
        struct mail_request request = mail_request_make(&cli->arena, &mail, &origin);
        struct send_result result;
        if (!mail_once(config, &request, &result, error))
                return cli_fail(cli, CLI_CONFIG, "%s", error);
        return mail_tell(cli, &result);
}

int command_mail(struct cli *cli, int argc, char **argv)
{
        const char *to = NULL;
        const struct cli_flag flags[] = {{.name = "--to", .takes_value = true, .value = &to}, {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count != 1 || strcmp(cli->words[0], "test") != 0 || !to)
                return cli_usage(cli, cli->help ? NULL : "mail test --to ADDRESS");
        if (!address_valid(to, strlen(to)))
                return cli_usage(cli, "--to takes an e-mail address");
        int status = cli_config(cli);
        return status == CLI_OK ? send_one(cli, recipient_make(cli, to)) : status;
}
