#include "query/jobs.h"
#include "query/letters.h"
#include "query/payload.h"
#include "serve/serve.h"

/* What a job sent, or a dead letter would send: planned anew from its payload. */

static void refuse_payload(const struct serve_call *call, const struct payload *payload)
{
        switch (payload->found) {
        case PAYLOAD_FAILED:
                serve_refuse_redis(call);
                return;
        case PAYLOAD_CUT:
                serve_refuse(call, 409,
                             "the index keeps only the beginning of so long a letter; leveret dlq "
                             "show --full has all of it");
                return;
        case PAYLOAD_BAD:
                serve_refuse(call, 400,
                             payload->error ? payload->error : "the letter has no payload that can be read");
                return;
        case PAYLOAD_ABSENT:
        case PAYLOAD_FOUND:
                serve_refuse(call, 404, "the payload of the job is not kept; see claim.keep_payload");
        }
}

static void plan_payload(const struct serve_call *call, struct slice type, const struct payload *payload,
                         const char *from)
{
        char cause[JSON_CAUSE_MAX];
        const struct handler *handler = type_set_find(call->types, type);
        if (payload->found != PAYLOAD_FOUND) {
                refuse_payload(call, payload);
                return;
        }
        if (!handler) {
                serve_refuse(call, 400, "no handler of its type; see /v1/types");
                return;
        }
        json_t *data = json_parse(payload->data, cause);
        if (data)
                serve_plan(call, handler,
                           &(struct serve_payload){.data = data, .from = from, .text = payload->data});
        else
                serve_refuse(call, 400, arena_printf(call->query->arena, "bad_payload: %s", cause));
        json_decref(data);
}

void serve_job_mails(const struct serve_call *call)
{
        const char *id;
        const struct redis_value *record = job_find(call->query, call->words[0], &id);
        if (record->kind == REDIS_FAILED) {
                serve_refuse_redis(call);
                return;
        }
        if (record->count == 0) {
                serve_refuse(call, 404,
                             "not seen by a worker yet, or never published, or its record expired");
                return;
        }
        struct slice dead_id = redis_value_field(record, "dead_id");
        struct payload payload = payload_kept(call->query, id);
        const char *from = "payload";
        if (payload.found == PAYLOAD_ABSENT && dead_id.len > 0) {
                const struct redis_value *letter = letter_find(call->query, query_text(call->query, dead_id));
                from = "letter";
                if (letter->count > 0)
                        payload = payload_of_letter(call->query, letter);
        }
        plan_payload(call, redis_value_field(record, "type"), &payload, from);
}

void serve_dead_mails(const struct serve_call *call)
{
        const struct redis_value *letter = letter_find(call->query, call->words[1]);
        if (letter->kind == REDIS_FAILED) {
                serve_refuse_redis(call);
                return;
        }
        if (letter->count == 0 || !slice_is(redis_value_field(letter, "queue"), call->words[0])) {
                serve_refuse(call, 404, "no such dead letter is known of this queue");
                return;
        }
        struct payload payload = payload_of_letter(call->query, letter);
        plan_payload(call, redis_value_field(letter, "type"), &payload, "letter");
}
