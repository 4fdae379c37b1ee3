#include "io/redis/connection/redis_hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static redisReply *reply(const char *text)
{
        redisReader *reader = redisReaderCreate();
        void *made = NULL;
        redisReaderFeed(reader, text, strlen(text));
        assert_int_equal(redisReaderGetReply(reader, &made), REDIS_OK);
        redisReaderFree(reader);
        return made;
}

static void pops(struct redis_hold *hold, const char *text)
{
        redisReply *first = redis_hold_pop(hold);
        assert_non_null(first);
        assert_string_equal(first->str, text);
        freeReplyObject(first);
}

static void nothing_comes_before_it_is_cleared_and_then_all_in_order(void **state)
{
        struct redis_hold hold = {0};
        (void)state;
        for (int round = 0; round < 3; round++) {
                redis_hold_push(&hold, reply("+a\r\n"));
                redis_hold_push(&hold, reply("+b\r\n"));
                assert_null(redis_hold_pop(&hold));
                redis_hold_clear(&hold);
                redis_hold_push(&hold, reply("+later\r\n"));
                pops(&hold, "a");
                pops(&hold, "b");
                assert_null(redis_hold_pop(&hold));
                for (int i = 0; i < 100; i++) /* it grows around the ring's end */
                        redis_hold_push(&hold, reply("+c\r\n"));
                redis_hold_clear(&hold);
                pops(&hold, "later");
                for (int i = 0; i < 100; i++)
                        pops(&hold, "c");
                assert_null(redis_hold_pop(&hold));
        }
        redis_hold_fini(&hold);
}

static void what_was_refused_is_told_and_what_is_dropped_does_not_come(void **state)
{
        struct redis_hold hold = {0};
        (void)state;
        redis_hold_push(&hold, reply("+a\r\n"));
        assert_null(redis_hold_error(&hold));
        redis_hold_push(&hold, reply("-READONLY no\r\n"));
        redis_hold_push(&hold, reply("-ERR WAIT cannot be used\r\n"));
        assert_string_equal(redis_hold_error(&hold), "READONLY no");
        redis_hold_clear(&hold);
        redis_hold_drop(&hold);
        assert_null(redis_hold_pop(&hold));
        assert_null(redis_hold_error(&hold));
        redis_hold_push(&hold, reply("+b\r\n"));
        assert_null(redis_hold_pop(&hold));
        redis_hold_fini(&hold);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_comes_before_it_is_cleared_and_then_all_in_order),
                cmocka_unit_test(what_was_refused_is_told_and_what_is_dropped_does_not_come),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
