#include "core/trace/otlp_answer.h"
#include "core/address/mask.h"
#include "core/codec/json.h"
#include "core/send/send_outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool otlp_is_for_now(int status)
{
        return status == 429 || status == 502 || status == 503 || status == 504;
}

/* A member by its name in JSON or, as some write it, that of the .proto file. */
static const json_t *member_of(const json_t *object, const char *name, const char *proto_name)
{
        const json_t *value = json_object_get(object, name);
        return value ? value : json_object_get(object, proto_name);
}

/* Into one line for people. */
static void text_show(char *out, size_t size, struct slice text)
{
        mask_text(out, size, text.data ? text : SLICE_LITERAL(""), (struct mask){0});
        for (char *at = out; *at; at++)
                if (*at == '\n' || *at == '\t')
                        *at = ' ';
}

static uint64_t count_of(const json_t *value)
{
        struct slice text = json_text(value);
        char digits[24];
        if (json_is_integer(value))
                return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
        if (text.len == 0 || text.len >= sizeof(digits))
                return 0;
        memcpy(digits, text.data, text.len);
        digits[text.len] = '\0';
        return digits[strspn(digits, "0123456789")] ? 0 : strtoull(digits, NULL, 10);
}

/* A 200 with `partialSuccess`: what was not taken, or a warning though all was. Also an empty body, and one
 * that cannot be read (protobuf), say that all is well. */
static void read_taken(struct slice body, struct otlp_verdict *verdict)
{
        char error[JSON_CAUSE_MAX];
        json_t *root = body.len > 0 ? json_parse(body, error) : NULL;
        const json_t *partial = member_of(root, "partialSuccess", "partial_success");
        struct slice message = json_text(member_of(partial, "errorMessage", "error_message"));
        verdict->rejected = count_of(member_of(partial, "rejectedSpans", "rejected_spans"));
        if (verdict->rejected > 0 || message.len > 0) {
                char shown[160];
                text_show(shown, sizeof(shown), message);
                snprintf(verdict->text, sizeof(verdict->text),
                         "the collector took all but %" PRIu64 " spans: %s", verdict->rejected,
                         message.len ? shown : "it does not say why");
        }
        json_decref(root);
}

/* A google.rpc.Status in JSON, or whatever it is. */
static void read_refused(const struct otlp_answer *answer, struct otlp_verdict *verdict)
{
        char error[JSON_CAUSE_MAX], shown[160];
        json_t *root = answer->body.len > 0 ? json_parse(answer->body, error) : NULL;
        struct slice message = json_text(json_object_get(root, "message"));
        text_show(shown, sizeof(shown), message.len ? message : answer->body);
        snprintf(verdict->text, sizeof(verdict->text), "the collector answered %d%s%s", answer->status,
                 shown[0] ? ": " : "", shown);
        json_decref(root);
}

struct otlp_verdict otlp_judge(const struct otlp_answer *answer)
{
        struct otlp_verdict verdict = {.end = OTLP_REFUSED, .pause_ms = -1};
        if (answer->cause) {
                verdict.end = OTLP_AGAIN;
                snprintf(verdict.text, sizeof(verdict.text), "%s", answer->cause);
                return verdict;
        }
        if (answer->status >= 200 && answer->status < 300) {
                verdict.end = OTLP_TAKEN;
                read_taken(answer->body, &verdict);
                return verdict;
        }
        if (otlp_is_for_now(answer->status)) {
                verdict.end = OTLP_AGAIN;
                verdict.pause_ms = send_retry_after_ms(answer->retry_after, answer->now_s);
        }
        read_refused(answer, &verdict);
        return verdict;
}

int64_t otlp_again_ms(int tries, int64_t pause_ms, uint64_t random)
{
        if (pause_ms >= 0)
                return pause_ms < OTLP_PAUSE_MAX_MS ? pause_ms : OTLP_PAUSE_MAX_MS;
        int64_t most_ms = OTLP_AGAIN_MIN_MS;
        for (int i = 1; i < tries && most_ms < OTLP_AGAIN_MAX_MS; i++)
                most_ms *= 2;
        return most_ms / 2 + (int64_t)(random % (uint64_t)(most_ms / 2 + 1));
}

bool otlp_has_room(size_t spans, size_t bytes, size_t more)
{
        return spans < OTLP_HELD_SPANS_MAX && bytes + more <= OTLP_HELD_BYTES_MAX;
}

bool otlp_is_due(size_t spans, int64_t waited_ms)
{
        return spans >= OTLP_BATCH_DUE_SPANS || (spans > 0 && waited_ms >= OTLP_BATCH_DUE_MS);
}
