#include "cli/job/job_cancel.h"
#include "cli/publish_record.h"
#include "query/cancel.h"
#include "query/events.h"

#include <stdio.h>

static void job_cancel_print_json(const struct cancel_answer *answer)
{
        struct buffer out = {0};
        buffer_add_text(&out, "{\"id\":");
        buffer_add_json_string(&out, slice_of(answer->id));
        buffer_add_text(&out, ",\"cancelled\":true,\"was\":");
        buffer_add_json_string(&out, slice_of(answer->state));
        buffer_add_text(&out, ",\"sent\":[");
        for (size_t i = 0; i < answer->sent_count; i++) {
                buffer_add_text(&out, i ? "," : "");
                buffer_add_json_string(&out, slice_of(answer->sent[i]));
        }
        buffer_add_text(&out, "]}");
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

static void cancel_print_text(struct cli *cli, const struct cancel_answer *answer)
{
        struct buffer out = {0};
        buffer_printf(&out, "%s is cancelled; it was %s", cli_safe(cli, slice_of(answer->id)),
                      cli_safe(cli, slice_of(answer->state)));
        for (size_t i = 0; i < answer->sent_count; i++)
                buffer_printf(&out, "%s%s",
                              i ? ", " : "; already out: ", cli_safe(cli, slice_of(answer->sent[i])));
        cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
}

/* What is not confirmed a worker tells when the job's message comes. */
static void job_cancel_tell(struct cli *cli, const struct query *query, const char *id)
{
        struct query_events events;
        char error[256] = "";
        query_events_due(query, id, &events);
        for (size_t i = 0; i < events.count; i++) {
                struct arena *arena = arena_new();
                enum publish_outcome outcome = cli_publish_message(
                        cli, arena, tell_message(arena, cli->config->events.exchange, &events.list[i]),
                        error);
                if (outcome == PUBLISH_CONFIRMED || outcome == PUBLISH_RETURNED)
                        continue;
                cli_fail(cli, CLI_OK, "its event is published when its message comes, not now: %s", error);
                return;
        }
        if (events.count > 0)
                query_events_told(query, &events);
}

int job_cancel(struct cli *cli, struct redis_sync *redis, const char *word)
{
        struct cancel_answer answer;
        const struct query query = {cli->config, redis, &cli->arena};
        enum cancel_end end = query_cancel(&query, word, "leveret-cli", &answer);
        const char *id = cli_safe(cli, slice_of(answer.id));
        switch (end) {
        case CANCEL_DONE:
                break;
        case CANCEL_RUNS:
                return cli_fail(cli, CLI_REFUSED, "%s runs now, or its worker died over it: not cancelled",
                                id);
        case CANCEL_OVER:
                return cli_fail(cli, CLI_REFUSED, "%s is over: %s", id,
                                cli_safe(cli, slice_of(answer.state)));
        case CANCEL_UNKNOWN:
                return cli_fail(cli, CLI_NOT_FOUND,
                                "%s: not seen by a worker yet, or never published, or its record expired",
                                id);
        case CANCEL_FAILED:
                return cli_fail(cli, CLI_ERROR, "Redis: %s; whether it is cancelled is not known: ask again",
                                cli_safe(cli, slice_of(answer.error)));
        }
        job_cancel_tell(cli, &query, answer.id);
        if (cli->output == CLI_JSON)
                job_cancel_print_json(&answer);
        else
                cancel_print_text(cli, &answer);
        return CLI_OK;
}
