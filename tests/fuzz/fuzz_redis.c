/* What Redis answers, to whichever requests are under way: the first byte says in which portions it comes,
 * the second which kinds of requests wait, the rest is the stream. hiredis takes it apart, leveret believes
 * none of it. */

#include "fuzz.h"

#include "core/codec/resp.h"
#include "io/redis/redis_store_state.h"

enum { REQUESTS = 64, ARGUMENTS_MAX = 8 };

struct session {
        struct redis_store store;
        size_t asked, answered;
        volatile unsigned char seen; /* so that what is given is really read */
};

static void look(struct session *session, struct slice text)
{
        for (size_t i = 0; i < text.len; i++)
                session->seen ^= (unsigned char)text.data[i];
}

static void check_claim(struct session *session, const struct store_result *result)
{
        CHECK((int)result->claim >= 0 && (int)result->claim < CLAIM_ANSWER_COUNT);
        CHECK(result->effect_count <= JOB_EFFECTS_MAX);
        CHECK(result->decision.kind >= DECISION_NONE && result->decision.kind <= DECISION_DEAD);
        CHECK(reason_word(result->decision.reason));
        look(session, result->error);
        for (size_t i = 0; i < result->effect_count; i++)
                look(session, result->effects[i]);
        CHECK(result->intent_count <= JOB_EFFECTS_MAX);
        for (size_t i = 0; i < result->intent_count; i++)
                look(session, result->intents[i]);
}

static void on_claim(void *context, const struct store_result *result)
{
        struct session *session = context;
        session->answered++;
        check_claim(session, result);
}

static void on_done(void *context, const struct store_result *result)
{
        struct session *session = context;
        session->answered++;
        CHECK(result->lease == LEASE_OK || result->lease == LEASE_LOST);
}

static void on_strings(void *context, bool failed, const struct slice *values, size_t count)
{
        struct session *session = context;
        session->answered++;
        CHECK(!failed || count <= 1);
        for (size_t i = 0; i < count; i++)
                look(session, values[i]);
}

static void ask(struct session *session, unsigned kinds)
{
        bool quick = kinds >> 7;
        for (size_t i = 0; i < REQUESTS; i++) {
                struct request request = {.kind = (enum request_kind)(kinds % 4), .context = session};
                if (request.kind == REQUEST_QUERY)
                        request.strings = on_strings;
                else
                        request.done = request.kind == REQUEST_CLAIM ? on_claim : on_done;
                if (quick && request.kind == REQUEST_CLAIM)
                        request.quick_ms = 1;
                redis_ring_push(&session->store, request);
                session->asked++;
                kinds = kinds / 4 + (kinds % 4) * 64;
        }
        if (quick)
                redis_ring_push(&session->store, (struct request){.kind = REQUEST_CLOCK});
}

/* As the store does with what has been read. False: the connection would be dropped. */
static bool take_replies(struct session *session, redisReader *reader)
{
        void *reply;
        while (redisReaderGetReply(reader, &reply) == REDIS_OK) {
                if (!reply)
                        return true;
                bool ok = session->store.ring.count > 0 && redis_store_answer(&session->store, reply);
                freeReplyObject(reply);
                if (!ok)
                        return false;
        }
        return false;
}

/* What is written is read back as the same arguments, whatever bytes they hold. */
static void check_commands(struct slice rest)
{
        struct slice arguments[ARGUMENTS_MAX];
        size_t count = 0;
        while (count < ARGUMENTS_MAX && rest.len)
                arguments[count++] = fuzz_take(&rest, ' ');
        struct buffer out = {0};
        resp_begin(&out, count + 1);
        for (size_t i = 0; i < count; i++)
                resp_add(&out, arguments[i]);
        resp_add_integer(&out, INT64_MIN);
        redisReader *reader = redisReaderCreate();
        void *got = NULL;
        CHECK(redisReaderFeed(reader, out.data, out.len) == REDIS_OK);
        CHECK(redisReaderGetReply(reader, &got) == REDIS_OK && got);
        const redisReply *reply = got;
        CHECK(reply->type == REDIS_REPLY_ARRAY && reply->elements == count + 1);
        for (size_t i = 0; i < count; i++)
                CHECK((size_t)reply->element[i]->len == arguments[i].len &&
                      memcmp(reply->element[i]->str, arguments[i].data, arguments[i].len) == 0);
        CHECK(strcmp(reply->element[count]->str, "-9223372036854775808") == 0);
        freeReplyObject(got);
        redisReaderFree(reader);
        buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 2)
                return 0;
        static const struct config config;
        struct session session = {.store = {.config = &config}};
        redisReader *reader = redisReaderCreate();
        redis_reader_bound(reader);
        size_t portion = data[0] ? data[0] : size;
        bool good = true;
        ask(&session, data[1]);
        for (size_t at = 2; good && at < size; at += portion) {
                size_t len = size - at < portion ? size - at : portion;
                good = redisReaderFeed(reader, (const char *)data + at, len) == REDIS_OK &&
                       take_replies(&session, reader);
        }
        struct request_ring *ring = &session.store.ring;
        size_t waiting = session.store.written.count;
        for (size_t i = 0; i < ring->count; i++)
                waiting += request_ring_at(ring, i)->kind != REQUEST_CLOCK;
        CHECK(session.answered + waiting == session.asked);
        redisReaderFree(reader);
        free(ring->requests);
        free(session.store.written.requests);
        check_commands((struct slice){.data = (const char *)data, .len = size});
        return 0;
}
