#include "core/memory/memory.h"
#include "io/redis/redis_quick.h"

#include <stdio.h>
#include <stdlib.h>

/* What Redis answers, as the results of redis_store.h. */

static struct slice reply_text(const redisReply *reply)
{
        if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS)
                return (struct slice){.data = reply->str, .len = reply->len};
        return (struct slice){0};
}

static int64_t reply_integer(const redisReply *reply)
{
        if (reply->type == REDIS_REPLY_INTEGER)
                return reply->integer;
        return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

static uint32_t reply_count(const redisReply *reply)
{
        int64_t count = reply_integer(reply);
        return count > 0 && count <= INT32_MAX ? (uint32_t)count : 0;
}

/* "retry 2 0 -": kind, tier, reject, reason. */
static struct job_decision decision_parse(struct slice text)
{
        struct job_decision decision = {.tier = -1};
        char kind[16] = "", reason[32] = "", copy[64];
        int reject = 0;
        if (text.len == 0)
                return decision;
        snprintf(copy, sizeof(copy), "%.*s", SLICE_PRINT(text));
        if (sscanf(copy, "%15s %d %d %31s", kind, &decision.tier, &reject, reason) < 3)
                return decision;
        for (int i = DECISION_RETRY; i <= DECISION_SCHEDULE; i++)
                if (strcmp(kind, job_decision_word((enum job_decision_kind)i)) == 0)
                        decision.kind = (enum job_decision_kind)i;
        decision.reject = reject != 0;
        decision.reason = reason_parse(reason);
        return decision;
}

static size_t reply_texts(const redisReply *reply, struct slice *texts, size_t max)
{
        size_t count = 0;
        for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements && count < max; i++)
                texts[count++] = reply_text(reply->element[i]);
        return count;
}

static bool claim_parse(struct redis_store *store, const redisReply *reply, struct store_result *result)
{
        if (reply->type == REDIS_REPLY_INTEGER) {
                result->claim = CLAIM_NEW;
                result->created_ms = reply->integer;
                result->starts = 1;
                return true;
        }
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 17)
                return false;
        struct slice word = reply_text(reply->element[0]);
        int answer = 0;
        while (answer < CLAIM_ANSWER_COUNT && !slice_is(word, claim_answer_word((enum claim_answer)answer)))
                answer++;
        if (answer == CLAIM_ANSWER_COUNT)
                return false;
        result->claim = (enum claim_answer)answer;
        result->lease_left_ms = reply_integer(reply->element[1]);
        result->created_ms = reply_integer(reply->element[2]);
        result->starts = reply_integer(reply->element[3]);
        result->decision = decision_parse(reply_text(reply->element[4]));
        result->error = reply_text(reply->element[5]);
        result->signal = reply_text(reply->element[6]);
        result->effects = store->effects;
        result->effect_count = reply_texts(reply->element[7], store->effects, JOB_EFFECTS_MAX);
        result->intents = store->intents;
        result->intent_count = reply_texts(reply->element[8], store->intents, JOB_EFFECTS_MAX);
        result->generation = (struct job_generation){.redrives = reply_count(reply->element[9]),
                                                     .attempt = reply_count(reply->element[10]),
                                                     .deferrals = reply_count(reply->element[11])};
        result->letter_queue = reply_text(reply->element[12]);
        result->tries = store->tries;
        result->try_count =
                reply_texts(reply->element[13], store->tries, sizeof(store->tries) / sizeof(*store->tries));
        result->doubt_ms = reply_integer(reply->element[14]);
        result->doubt_age_ms = reply_integer(reply->element[15]);
        result->doubt_from_age_ms = reply_integer(reply->element[16]);
        return true;
}

static void give_strings(const struct request *request, const redisReply *reply)
{
        if (reply->type != REDIS_REPLY_ARRAY) {
                struct slice value = reply_text(reply);
                request->strings(request->context, reply->type == REDIS_REPLY_ERROR, &value,
                                 value.data ? 1 : 0);
                return;
        }
        struct slice *values = memory_zeroed(reply->elements + 1, sizeof(*values));
        for (size_t i = 0; i < reply->elements; i++)
                values[i] = reply_text(reply->element[i]);
        request->strings(request->context, false, values, reply->elements);
        free(values);
}

/* The key is held by something else, and will be: to a job that is the same as a record of other content. */
static bool is_wrong_type(const redisReply *reply)
{
        return reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "WRONGTYPE");
}

const char *redis_store_mistake(const struct redis_store *store, const redisReply *reply)
{
        if (reply->type == REDIS_REPLY_ERROR)
                return reply->str;
        bool keeps = store->ring.count > 0 && request_ring_at(&store->ring, 0)->kind == REQUEST_KEEPS;
        return keeps ? "it may evict idempotency records from now on" : "unexpected reply";
}

bool redis_store_answer(struct redis_store *store, const redisReply *reply)
{
        const struct request *first = request_ring_at(&store->ring, 0);
        struct store_result result = {.sent_ms = first->sent_ms};
        bool error = reply->type == REDIS_REPLY_ERROR;
        switch (first->kind) {
        case REQUEST_CLAIM:
                if (first->quick_ms)
                        return redis_quick_answer(store, reply);
                if (is_wrong_type(reply))
                        result.claim = CLAIM_CONFLICT;
                else if (error || !claim_parse(store, reply, &result))
                        return false;
                break;
        case REQUEST_LEASE:
                if (error && !is_wrong_type(reply))
                        return false;
                result.lease = slice_is(reply_text(reply), "ok") ? LEASE_OK : LEASE_LOST;
                break;
        case REQUEST_COMMAND:
                if (error && first->done && !is_wrong_type(reply))
                        return false;
                break;
        case REQUEST_WAIT: /* was looked at before */
        case REQUEST_ASKING:
                if (error)
                        return false;
                break;
        case REQUEST_KEEPS: /* if it is refused, it is not known, as at the connect */
                if (redis_info_eviction(reply_text(reply)).len > 0)
                        return false;
                break;
        case REQUEST_CLOCK:
                redis_quick_clock_told(store, reply);
                return true;
        case REQUEST_RATE:
        case REQUEST_QUERY: {
                if (error && !is_wrong_type(reply))
                        return false;
                struct request request = redis_ring_pop(store);
                give_strings(&request, reply);
                free(request.bytes);
                return true;
        }
        }
        struct request request = redis_ring_pop(store);
        if (request.done)
                request.done(request.context, &result);
        free(request.bytes);
        return true;
}
