#include "core/text/buffer.h"
#include "io/redis/redis_store_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a request is told of the reply that Redis wrote. */

struct heard {
        int count;
        struct store_result result;
        char field[32], value[32], queue[32], error[32], signal[32], effect[32], intent[32];
};

static void hear_text(char *to, struct slice text)
{
        snprintf(to, 32, "%.*s", SLICE_PRINT(text));
}

static void on_result(void *context, const struct store_result *result)
{
        struct heard *heard = context;
        heard->count++;
        heard->result = *result;
        hear_text(heard->queue, result->letter_queue);
        hear_text(heard->error, result->error);
        hear_text(heard->signal, result->signal);
        hear_text(heard->effect, result->effect_count ? result->effects[0] : (struct slice){0});
        hear_text(heard->field, result->try_count ? result->tries[0] : (struct slice){0});
        hear_text(heard->value, result->try_count ? result->tries[1] : (struct slice){0});
        hear_text(heard->intent, result->intent_count ? result->intents[0] : (struct slice){0});
}

/* The reply to one request; false: the connection would be dropped. */
static bool answer(enum request_kind kind, const char *reply, struct heard *heard)
{
        struct redis_store store = {0};
        redisReader *reader = redisReaderCreate();
        void *parsed = NULL;
        *heard = (struct heard){0};
        redis_ring_push(&store, (struct request){.kind = kind, .done = on_result, .context = heard});
        redisReaderFeed(reader, reply, strlen(reply));
        assert_int_equal(redisReaderGetReply(reader, &parsed), REDIS_OK);
        assert_non_null(parsed);
        bool taken = redis_store_answer(&store, parsed);
        assert_int_equal(store.ring.count, taken ? 0 : 1);
        assert_int_equal(heard->count, taken ? 1 : 0);
        freeReplyObject(parsed);
        redisReaderFree(reader);
        free(store.ring.requests);
        return taken;
}

static void add_bulk(struct buffer *reply, const char *text)
{
        buffer_printf(reply, "$%zu\r\n%s\r\n", strlen(text), text);
}

static bool answer_claim(const char *word, const char *decision, struct heard *heard)
{
        struct buffer reply = {0};
        buffer_add_text(&reply, "*17\r\n");
        add_bulk(&reply, word);
        buffer_add_text(&reply, ":4321\r\n");
        add_bulk(&reply, "1700000000000");
        add_bulk(&reply, "2");
        add_bulk(&reply, decision);
        add_bulk(&reply, "why");
        add_bulk(&reply, "SIGSEGV");
        buffer_add_text(&reply, "*1\r\n$8\r\ncustomer\r\n*1\r\n$4\r\nshop\r\n");
        add_bulk(&reply, "3");
        add_bulk(&reply, "4");
        add_bulk(&reply, "5");
        add_bulk(&reply, "leveret.work");
        buffer_add_text(&reply, "*2\r\n$15\r\noutlet.customer\r\n$6\r\nbackup\r\n");
        add_bulk(&reply, "1700000000002");
        buffer_add_text(&reply, ":77\r\n:99\r\n");
        bool taken = answer(REQUEST_CLAIM, reply.data, heard);
        buffer_fini(&reply);
        return taken;
}

static void a_new_job_is_a_number(void **state)
{
        (void)state;
        struct heard heard;
        assert_true(answer(REQUEST_CLAIM, ":1700000000000\r\n", &heard));
        assert_int_equal(heard.result.claim, CLAIM_NEW);
        assert_int_equal(heard.result.created_ms, 1700000000000);
        assert_int_equal(heard.result.starts, 1);
        assert_int_equal(heard.result.decision.kind, DECISION_NONE);
}

static void every_part_of_a_claim_arrives(void **state)
{
        (void)state;
        struct heard heard;
        assert_true(answer_claim("resumed", "", &heard));
        assert_int_equal(heard.result.claim, CLAIM_RESUMED);
        assert_int_equal(heard.result.lease_left_ms, 4321);
        assert_int_equal(heard.result.created_ms, 1700000000000);
        assert_int_equal(heard.result.starts, 2);
        assert_int_equal(heard.result.decision.kind, DECISION_NONE);
        assert_int_equal(heard.result.generation.redrives, 3);
        assert_int_equal(heard.result.generation.attempt, 4);
        assert_int_equal(heard.result.generation.deferrals, 5);
        assert_string_equal(heard.error, "why");
        assert_string_equal(heard.signal, "SIGSEGV");
        assert_string_equal(heard.effect, "customer");
        assert_string_equal(heard.intent, "shop");
        assert_string_equal(heard.queue, "leveret.work");
        assert_int_equal(heard.result.try_count, 2);
        assert_string_equal(heard.field, "outlet.customer");
        assert_string_equal(heard.value, "backup");
        assert_int_equal(heard.result.doubt_ms, 1700000000002);
        assert_int_equal(heard.result.doubt_age_ms, 77);
        assert_int_equal(heard.result.doubt_from_age_ms, 99);
}

static void every_answer_is_known_by_its_word(void **state)
{
        (void)state;
        for (int i = 0; i < CLAIM_ANSWER_COUNT; i++) {
                struct heard heard;
                assert_true(answer_claim(claim_answer_word((enum claim_answer)i), "", &heard));
                assert_int_equal(heard.result.claim, i);
        }
}

/* A decision that is not found again is made again: what was decided dead would be sent. */
static void every_decision_is_found_again(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                struct job_decision decision;
        } cases[] = {
                {"retry 2 0 -", {.kind = DECISION_RETRY, .tier = 2}},
                {"defer 0 0 -", {.kind = DECISION_DEFER, .tier = 0}},
                {"dead -1 0 rejected", {.kind = DECISION_DEAD, .tier = -1, .reason = REASON_REJECTED}},
                {"dead -1 1 max_length",
                 {.kind = DECISION_DEAD, .tier = -1, .reject = true, .reason = REASON_MAX_LENGTH}},
                {"dead -1 0", {.kind = DECISION_DEAD, .tier = -1}},
                {"retry 2", {.kind = DECISION_NONE, .tier = 2}},
                {"later 1 0 -", {.kind = DECISION_NONE, .tier = 1}},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct heard heard;
                assert_true(answer_claim("resumed", cases[i].text, &heard));
                assert_int_equal(heard.result.decision.kind, cases[i].decision.kind);
                assert_int_equal(heard.result.decision.tier, cases[i].decision.tier);
                assert_int_equal(heard.result.decision.reject, cases[i].decision.reject);
                assert_int_equal(heard.result.decision.reason, cases[i].decision.reason);
        }
}

static void what_is_no_answer_ends_the_connection(void **state)
{
        (void)state;
        struct heard heard;
        assert_false(answer_claim("seized", "", &heard));
        assert_false(answer(REQUEST_CLAIM, "+OK\r\n", &heard));
        assert_false(answer(REQUEST_CLAIM, "*1\r\n$3\r\nnew\r\n", &heard));
        assert_false(answer(REQUEST_CLAIM, "-OOM command not allowed\r\n", &heard));
        assert_false(answer(REQUEST_LEASE, "-READONLY\r\n", &heard));
        assert_false(answer(REQUEST_COMMAND, "-READONLY\r\n", &heard));
        assert_false(answer(REQUEST_QUERY, "-READONLY\r\n", &heard));
        assert_false(answer(REQUEST_RATE, "-READONLY\r\n", &heard));
}

static void a_key_of_another_type_is_no_reason_to_end_it(void **state)
{
        (void)state;
        const char *const wrong = "-WRONGTYPE Operation against a key\r\n";
        struct heard heard;
        assert_true(answer(REQUEST_CLAIM, wrong, &heard));
        assert_int_equal(heard.result.claim, CLAIM_CONFLICT);
        assert_true(answer(REQUEST_LEASE, wrong, &heard));
        assert_int_equal(heard.result.lease, LEASE_LOST);
        assert_true(answer(REQUEST_COMMAND, wrong, &heard));
}

static void only_ok_is_a_lease(void **state)
{
        (void)state;
        struct heard heard;
        assert_true(answer(REQUEST_LEASE, "$2\r\nok\r\n", &heard));
        assert_int_equal(heard.result.lease, LEASE_OK);
        assert_true(answer(REQUEST_LEASE, "$4\r\nlost\r\n", &heard));
        assert_int_equal(heard.result.lease, LEASE_LOST);
        assert_true(answer(REQUEST_LEASE, "$-1\r\n", &heard));
        assert_int_equal(heard.result.lease, LEASE_LOST);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_job_is_a_number),
                cmocka_unit_test(every_part_of_a_claim_arrives),
                cmocka_unit_test(every_answer_is_known_by_its_word),
                cmocka_unit_test(every_decision_is_found_again),
                cmocka_unit_test(what_is_no_answer_ends_the_connection),
                cmocka_unit_test(a_key_of_another_type_is_no_reason_to_end_it),
                cmocka_unit_test(only_ok_is_a_lease),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
