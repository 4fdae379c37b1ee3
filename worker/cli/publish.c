#include "cli/publish_record.h"
#include "core/broker/ladder.h"
#include "core/codec/rfc3339.h"
#include "core/codec/traceparent.h"
#include "core/codec/tracestate.h"
#include "core/message/envelope.h"
#include "core/plan/plan.h"
#include "core/text/units.h"
#include "handler.h"
#include "io/amqp/amqp_publisher.h"
#include "io/machine/clock.h"
#include "query/publication.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIRM_TIMEOUT_MS 10000
#define WAIT_MAX_MS ((int64_t)24 * 3600 * 1000)

struct request {
        struct publication is; /* what is published */
        const char *data_argument, *wait, *at, *in;
        int64_t wait_ms; /* -1: do not wait */
};

/* The payload is checked as the worker would: what it would dead-letter is not published. */
static int validate(struct cli *cli, struct request *request)
{
        const struct handler *handler = cli_handler(cli, request->is.type);
        if (!handler)
                return CLI_NOT_FOUND;
        if (!cli_data(cli, request->data_argument, (size_t)cli->config->max_body, &request->is.data))
                return CLI_ERROR;
        struct faults faults = {.arena = &cli->arena};
        struct plan *plan;
        enum plan_outcome outcome = plan_build_text(handler, request->is.data, &plan, &faults);
        if (outcome != PLAN_OK && outcome != PLAN_PLANNERS)
                return cli_fail_faults(cli, outcome == PLAN_REJECTED ? "rejected" : "bad_payload", &faults,
                                       "; nothing was published");
        return CLI_OK;
}

struct confirmation {
        bool done;
        enum publish_outcome outcome;
        char error[256];
};

static void publish_on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct confirmation *confirmation = context;
        confirmation->done = true;
        confirmation->outcome = outcome;
        snprintf(confirmation->error, sizeof(confirmation->error), "%s", error ? error : "");
}

enum publish_outcome cli_publish_message(struct cli *cli, struct arena *arena, struct message *message,
                                         char error[256])
{
        uv_loop_t loop;
        if (uv_loop_init(&loop) != 0)
                abort();
        struct amqp_publisher *publisher = amqp_publisher_open(&loop, cli->config, CONFIRM_TIMEOUT_MS);
        struct confirmation confirmation = {0};
        amqp_publisher_publish(publisher, arena, message, publish_on_published, &confirmation);
        while (!confirmation.done)
                uv_run(&loop, UV_RUN_ONCE);
        amqp_publisher_close(publisher, 1000);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        memcpy(error, confirmation.error, sizeof(confirmation.error));
        return confirmation.outcome;
}

static enum publish_outcome publish_publish(struct cli *cli, const struct request *request, char error[256])
{
        struct arena *arena = arena_new();
        return cli_publish_message(cli, arena, publication_message(arena, &request->is), error);
}

/* The broker ended the channel because of a publish. It was the only one of its connection, so that it is
 * certainly not there, unlike what the worker has under way then. */
static bool publish_refused(const char *error)
{
        return strstr(error, "closed by the broker: 404 NOT_FOUND - no exchange") ||
               strstr(error, "closed by the broker: 403 ACCESS_REFUSED");
}

static int publish_refusal_tell(struct cli *cli, const char *error)
{
        const char *remedy = strstr(error, ": 404 ") ? "leveret topology apply declares it"
                                                     : "the user of amqp.url needs the permission to write";
        return cli_fail(cli, CLI_ERROR, "refused: %s; %s; nothing was published",
                        cli_safe(cli, slice_of(error)), remedy);
}

/* What is certainly not there leaves no record of a job that nobody will ever see. */
static int publish_settle(struct cli *cli, struct publish_record *record, enum publish_outcome outcome,
                          const char *error)
{
        const char *word = publish_outcome_word(outcome);
        switch (outcome) {
        case PUBLISH_CONFIRMED:
                return CLI_OK;
        case PUBLISH_UNSENT:
        case PUBLISH_UNENCODABLE:
                word = "not published";
                publish_record_forget(record);
                break;
        case PUBLISH_RETURNED:
        case PUBLISH_NACKED:
                publish_record_forget(record);
                break;
        case PUBLISH_UNKNOWN:
                if (!publish_refused(error))
                        break;
                publish_record_forget(record);
                return publish_refusal_tell(cli, error);
        }
        return cli_fail(cli, CLI_ERROR, "%s: %s", word, cli_safe(cli, slice_of(error)));
}

static int publish_recorded(struct cli *cli, struct redis_sync *redis, const struct request *request)
{
        struct publish_record record = {
                .cli = cli,
                .redis = redis,
                .id = request->is.id,
                .type = request->is.type,
                .subject = request->is.subject,
                .fingerprint = publication_fingerprint(&cli->arena, cli->config, &request->is)};
        char error[256];
        int status = publish_record_write(&record);
        if (status == CLI_OK)
                status = publish_settle(cli, &record, publish_publish(cli, request, error), error);
        if (status != CLI_OK)
                return status;
        cli_print(cli->output == CLI_JSON
                          ? slice_of(arena_printf(&cli->arena, "{\"id\":\"%s\"}", request->is.id))
                          : slice_of(request->is.id));
        return request->wait_ms >= 0 ? publish_record_await(&record, request->wait_ms, request->wait)
                                     : CLI_OK;
}

int cli_publish(struct cli *cli, struct redis_sync *redis, const struct publication *publication)
{
        return publish_recorded(cli, redis, &(struct request){.is = *publication, .wait_ms = -1});
}

/* RFC 3339, or the same without its seconds. */
static bool parse_at(struct cli *cli, const char *text, int64_t *at_ms)
{
        enum { TO_MINUTES = 16 }; /* 2026-12-24T09:00 */
        if (rfc3339_parse(slice_of(text), at_ms))
                return true;
        return strlen(text) > TO_MINUTES && text[TO_MINUTES] != ':' &&
               rfc3339_parse(slice_of(arena_printf(&cli->arena, "%.16s:00%s", text, text + TO_MINUTES)),
                             at_ms);
}

/* Sets deliver_at. */
static bool parse_time(struct cli *cli, struct request *request)
{
        char text[RFC3339_SIZE];
        int64_t at_ms, in_ms, now_ms = clock_wall_ms();
        if (request->at && request->in)
                return false;
        if (request->at && !parse_at(cli, request->at, &at_ms))
                return false;
        if (request->in && !duration_parse(request->in, &in_ms))
                return false;
        at_ms = request->in ? now_ms + in_ms : at_ms;
        if (at_ms > now_ms + LADDER_MAX_MS)
                return false;
        rfc3339_format(at_ms, text);
        request->is.deliver_at = arena_strdup(&cli->arena, text);
        return true;
}

static int publish_parse(struct cli *cli, int argc, char **argv, struct request *request)
{
        const struct cli_flag flags[] = {
                {.name = "--data", .takes_value = true, .value = &request->data_argument},
                {.name = "--id", .takes_value = true, .value = &request->is.id},
                {.name = "--subject", .takes_value = true, .value = &request->is.subject},
                {.name = "--key", .takes_value = true, .value = &request->is.key},
                {.name = "--traceparent", .takes_value = true, .value = &request->is.traceparent},
                {.name = "--tracestate", .takes_value = true, .value = &request->is.tracestate},
                {.name = "--at", .takes_value = true, .value = &request->at},
                {.name = "--in", .takes_value = true, .value = &request->in},
                {.name = "--wait", .takes_value = true, .value = &request->wait},
                {0}};
        if (!cli_parse(cli, argc, argv, flags))
                return CLI_USAGE;
        if (cli->help || cli->word_count != 1 || !request->data_argument)
                return cli_usage(cli, cli->help ? NULL : "name a type and its --data");
        request->is.type = cli->words[0];
        request->wait_ms = -1;
        if (request->wait &&
            (!duration_parse(request->wait, &request->wait_ms) || request->wait_ms > WAIT_MAX_MS))
                return cli_usage(cli, "--wait takes a time such as 30s");
        if ((request->at || request->in) && !parse_time(cli, request))
                return cli_usage(cli, request->in ? "--in takes a time such as 2h, at most 400d, and no --at"
                                                  : "--at takes a time with its offset, such as "
                                                    "2026-12-24T09:00+01:00, at most 400 days ahead");
        char canonical[TRACEPARENT_SIZE];
        if (request->is.traceparent && !traceparent_parse(slice_of(request->is.traceparent), canonical))
                return cli_usage(cli, "--traceparent takes 00-<32 hex digits>-<16>-<2>");
        const char *state = request->is.tracestate;
        if (state && (!request->is.traceparent || !tracestate_valid(slice_of(state))))
                return cli_usage(cli, "--tracestate takes name=value,name=value of 512 bytes at most, and a "
                                      "--traceparent");
        if (!request->is.key)
                request->is.key = request->is.type;
        if (strlen(request->is.key) > PUBLICATION_KEY_MAX)
                return cli_usage(cli, "--key takes at most 255 bytes");
        if (!request->is.id)
                request->is.id = publication_id(&cli->arena);
        else if (!envelope_id_valid(slice_of(request->is.id)))
                return cli_usage(cli, "--id takes 1 to 200 of A-Z a-z 0-9 . _ : / -");
        return CLI_OK;
}

int command_publish(struct cli *cli, int argc, char **argv)
{
        struct request request = {0};
        int status = publish_parse(cli, argc, argv, &request);
        if (status != CLI_OK || cli->help)
                return status;
        status = cli_config(cli);
        if (status == CLI_OK)
                status = validate(cli, &request);
        if (status != CLI_OK)
                return status;
        struct redis_sync *redis = cli_redis(cli);
        if (!redis)
                return CLI_ERROR;
        status = publish_recorded(cli, redis, &request);
        redis_sync_close(redis);
        return status;
}
