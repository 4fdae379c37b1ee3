#include "rate_ledger.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

/*
 * Real Redis with rate.lua answers as the ledger of the unit tests does, question by question; only the clock
 * is the test's. LEVERET_TEST_REDIS_URL (redis://host:port) names a Redis of the test's own: the key
 * conformance:rate is deleted in it.
 */

enum { QUESTIONS = 300 };

static char *script_with_a_clock(void)
{
        static const char clock[] = "call('TIME')", ours[] = "{ARGV[11], ARGV[12]}";
        char *text = calloc(1, 65536);
        FILE *file = fopen(LEVERET_SOURCE_DIR "/worker/io/redis/lua/rate.lua", "r");
        assert_non_null(file);
        size_t len = fread(text, 1, 65000, file);
        fclose(file);
        char *at = strstr(text, clock);
        assert_non_null(at);
        memmove(at + strlen(ours), at + strlen(clock), len - (size_t)(at - text) - strlen(clock) + 1);
        memcpy(at, ours, strlen(ours));
        return text;
}

static struct share_answer ask_redis(redisContext *redis, const char *script,
                                     const struct share_question *question, int64_t now_us)
{
        redisReply *reply = redisCommand(
                redis, "EVAL %s 1 conformance:rate %lld %u %u %lld %lld %lld %lld %lld %d %u %lld %lld",
                script, (long long)question->step_us, question->count, question->weight,
                (long long)question->ahead_us, (long long)question->second, (long long)question->near_us,
                (long long)question->far_us, (long long)question->pause_ms, question->put_off, question->back,
                (long long)(now_us / 1000000), (long long)(now_us % 1000000));
        struct share_answer answer = {.step_us = question->step_us};
        assert_non_null(reply);
        if (reply->type != REDIS_REPLY_STRING || !share_answer_parse(reply->str, reply->len, &answer))
                fail_msg("Redis: %s", reply->str);
        freeReplyObject(reply);
        return answer;
}

static int64_t between(int64_t least, int64_t most)
{
        return least + random() % (most - least + 1);
}

static void assert_near(const char *what, int64_t redis, int64_t ledger, int number)
{
        if (redis - ledger > 2 || ledger - redis > 2) /* they round at different places */
                fail_msg("question %d, %s: redis %" PRId64 ", ledger %" PRId64, number, what, redis, ledger);
}

static void the_script_answers_as_the_ledger_does(void **state)
{
        (void)state;
        const char *url = getenv("LEVERET_TEST_REDIS_URL");
        char password[128] = "", host[128] = "127.0.0.1";
        int port = 0;
        if (sscanf(url, "redis://:%127[^@]@%127[^:/]:%d", password, host, &port) < 3)
                assert_int_equal(sscanf(url, "redis://%127[^:/]:%d", host, &port), 2);
        redisContext *redis = redisConnect(host, port);
        assert_true(redis && redis->err == 0);
        if (password[0])
                freeReplyObject(redisCommand(redis, "AUTH %s", password));
        char *script = script_with_a_clock();
        static const int64_t steps_us[] = {1020, 10204, 51020, 2040816};
        for (size_t i = 0; i < sizeof(steps_us) / sizeof(*steps_us); i++) {
                struct rate_ledger ledger = {0};
                int64_t now_us = INT64_C(1700000000000000), seconds[4] = {0}, ahead_us[4] = {0};
                freeReplyObject(redisCommand(redis, "DEL conformance:rate"));
                for (int number = 0; number < QUESTIONS; number++) {
                        int worker = (int)between(0, 3);
                        bool put_off = i == 2;
                        now_us += between(0, 3) ? between(0, 50000) : between(-3000, 3000000);
                        struct share_question question = {.step_us = steps_us[i],
                                                          .count = (uint32_t)between(0, 30),
                                                          .weight = (uint32_t)between(1, 100),
                                                          .ahead_us = ahead_us[worker],
                                                          .second = seconds[worker],
                                                          .near_us = put_off ? 500000 : SHARE_NEAR_US,
                                                          .far_us = put_off ? 1000000 : SHARE_FAR_US,
                                                          .pause_ms = between(0, 200) ? 0 : 700,
                                                          .put_off = put_off,
                                                          .back = put_off ? (uint32_t)between(0, 9) : 0};
                        struct share_answer told = ask_redis(redis, script, &question, now_us);
                        struct share_answer model = ledger_ask(&ledger, &question, now_us);
                        assert_near("count", told.count, model.count, number);
                        assert_near("from", told.from_us, model.from_us, number);
                        assert_near("ahead", told.ahead_us, model.ahead_us, number);
                        assert_near("second", told.second, model.second, number);
                        assert_near("again", told.again_us, model.again_us, number);
                        assert_near("pause", told.pause_us, model.pause_us, number);
                        seconds[worker] = told.second;
                        ahead_us[worker] = between(0, 1) ? told.ahead_us : 0;
                }
        }
        free(script);
        redisFree(redis);
}

int main(void)
{
        if (!getenv("LEVERET_TEST_REDIS_URL")) {
                puts("skipped: LEVERET_TEST_REDIS_URL names no Redis to test against");
                return 77;
        }
        const struct CMUnitTest tests[] = {cmocka_unit_test(the_script_answers_as_the_ledger_does)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
