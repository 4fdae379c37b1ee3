/* What the pure core does for a message on its way to a mail, MESSAGES times, for tests/perf/instructions to
 * count. No clock, no I/O: the number of instructions depends on the code alone. */
#include "core/codec/resp.h"
#include "core/job/protocol.h"
#include "core/mail/mail_key.h"
#include "core/mail/mail_request.h"
#include "core/memory/arena.h"
#include "core/message/envelope.h"
#include "core/plan/plan.h"
#include "core/plan/registry.h"
#include "core/send/mail_preset.h"
#include "handler.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES = 1000, NOW_MS = 1000000 };

static const char order_body[] =
        "{\"order_id\":4711,\"customer_email\":\"customer4711@example.com\",\"title\":\"Tea and biscuits\","
        "\"currency\":\"EUR\",\"total_cents\":4250,\"items\":[{\"sku\":\"tea-001\",\"count\":2,\"cents\":"
        "1250},"
        "{\"sku\":\"biscuit-7\",\"count\":1,\"cents\":1750}],\"note\":\"please leave it with the neighbours "
        "please "
        "leave it with the neighbours please leave it with the neighbours please leave it with the "
        "neighbours\"}";
static const char email_body[] = "{\"to\":\"customer4711@example.com\",\"subject\":\"Your parcel is on its "
                                 "way\",\"text\":\"Hello,\\n\\nyour parcel "
                                 "is on its way.\\nIt will be with you the day after tomorrow. It will be "
                                 "with you the day after tomorrow. It will "
                                 "be with you the day after tomorrow. It will be with you the day after "
                                 "tomorrow. It will be with you the day "
                                 "after tomorrow. It will be with you the day after tomorrow.\"}";

static void expect(bool holds, const char *what)
{
        if (holds)
                return;
        fprintf(stderr, "core_path: %s\n", what);
        exit(1);
}

static struct message message_of(bool order, const char *id)
{
        struct slice type = order ? SLICE_LITERAL("order.created.v1") : SLICE_LITERAL("email.send.v1");
        struct slice body = order ? SLICE_LITERAL(order_body) : SLICE_LITERAL(email_body);
        return (struct message){
                .properties = {.content_type = SLICE_LITERAL("application/json"),
                               .message_id = slice_of(id),
                               .type = type,
                               .has_delivery_mode = true,
                               .delivery_mode = 2,
                               .has_timestamp = true,
                               .timestamp = 1700000000},
                .body = body,
                .body_size = body.len,
                .exchange = SLICE_LITERAL("leveret.in"),
                .routing_key = type,
        };
}

static void step(struct job *job, struct job_event event, enum job_action_kind wanted)
{
        struct job_actions actions;
        job_step(job, &event, &actions);
        expect(actions.count > 0 && actions.list[0].kind == wanted, "the protocol took another way");
}

static void script_write(struct buffer *out, const struct envelope *envelope, const char *extra)
{
        buffer_clear(out);
        resp_begin(out, 10);
        resp_add_text(out, "EVALSHA");
        resp_add_text(out, "0123456789abcdef0123456789abcdef01234567");
        resp_add_text(out, "2");
        resp_add_text(out, envelope->id);
        resp_add_text(out, envelope->id);
        resp_add_integer(out, 60000);
        resp_add_integer(out, envelope->generation.attempt);
        resp_add_text(out, envelope->fingerprint);
        resp_add_text(out, envelope->type);
        resp_add_text(out, extra);
}

static void mail_write(struct arena *arena, struct buffer *out, const struct envelope *envelope,
                       const struct effect *effect)
{
        const struct mail_origin origin = {
                .prefix = "leveret",
                .job_id = envelope->id,
                .from = "Shop <shop@example.com>",
                .date_s = envelope->timestamp_s,
        };
        struct mail_request request = mail_request_make(arena, &effect->mail, &origin);
        expect(!mail_request_problem(&request), "the mail is refused");
        buffer_clear(out);
        static const struct config_outlet outlet = {.name = "mail"};
        expect(mail_preset_rules(MAIL_PRESET_RESEND)->body(out, &request, &outlet), "a file cannot be read");
}

static void message_handle(struct buffer *out, int number)
{
        struct arena arena;
        struct envelope envelope;
        struct plan *plan;
        struct job job;
        char id[64];
        struct faults faults = {.arena = &arena};
        arena_init(&arena);
        snprintf(id, sizeof(id), "3f2c6c1e-7b8a-4d51-9f00-%012d", number);
        struct message message = message_of(number % 2 == 0, id);
        envelope_read(&arena, &message, NULL, 262144, &envelope);
        const struct handler *handler = handler_find(handlers, slice_of(envelope.type));
        expect(envelope.reason == REASON_NONE && handler, "the envelope is refused");
        struct handler open = *handler; /* the orders come from a newer publisher */
        open.closed = false;
        job_init(&job, &(struct job){.epoch = 1,
                                     .tag = (uint64_t)number,
                                     .recorded = true,
                                     .copyable = true,
                                     .attempts_max = 5,
                                     .lease_ms = 60000,
                                     .send_limit_ms = 10000,
                                     .timeout_ms = 60000});
        step(&job, (struct job_event){.kind = EVENT_START}, ACTION_CLAIM);
        script_write(out, &envelope, "");
        step(&job, (struct job_event){.kind = EVENT_CLAIMED, .claim = CLAIM_NEW, .sent_ms = NOW_MS},
             ACTION_PLAN);
        expect(plan_build_text(&open, envelope.payload, &plan, &faults) == PLAN_OK, "the plan is refused");
        step(&job, (struct job_event){.kind = EVENT_PLANNED, .effects_total = (uint8_t)plan->count},
             ACTION_WANT_PLACE);
        step(&job, (struct job_event){.kind = EVENT_PLACE, .now_ms = NOW_MS}, ACTION_SEND);
        mail_write(&arena, out, &envelope, &plan->effects[0]);
        step(&job, (struct job_event){.kind = EVENT_SENT, .outcome = SEND_DONE}, ACTION_COMPLETE);
        script_write(out, &envelope, "\"event\":\"completed\",\"effect\":\"customer\",\"outcome\":\"sent\"");
        step(&job, (struct job_event){.kind = EVENT_COMPLETED, .lease = LEASE_OK}, ACTION_ACK);
        arena_fini(&arena);
}

/* Not inlined and visible: callgrind counts from its entry to its end. */
void core_path_run(struct buffer *out);
__attribute__((noinline)) void core_path_run(struct buffer *out)
{
        for (int i = 0; i < MESSAGES; i++)
                message_handle(out, i);
}

int main(void)
{
        struct buffer out = {0};
        message_handle(&out, 1); /* what happens only once: symbols bound, tables built */
        message_handle(&out, 2);
        core_path_run(&out);
        buffer_fini(&out);
        printf("%d\n", MESSAGES);
        return 0;
}
