#include "core/redis/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define REDIS_7 "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"
#define VALKEY_8                                                                                             \
        "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n"                  \
        "valkey_release_stage:ga\r\n"

static void a_server_is_named_by_what_it_is(void **state)
{
        static const char *const cases[][2] = {
                {REDIS_7, "Redis 7.0.15"},
                {VALKEY_8, "Valkey 8.0.1"},
                {"redis_version:8.0.2", "Redis 8.0.2"},
                {"x_redis_version:1\nredis_version:6.2.1\n", "Redis 6.2.1"},
                {"redis_version:\r\n", "Redis"},
                {"", "Redis"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                char text[64];
                redis_info_server(slice_of(cases[i][0]), text, sizeof(text));
                assert_string_equal(text, cases[i][1]);
        }
}

static void a_policy_counts_where_there_is_a_limit(void **state)
{
        static const char *const cases[][2] = {
                {"maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", ""},
                {"maxmemory:100\r\nmaxmemory_policy:noeviction\r\n", ""},
                {"maxmemory:100\r\nmaxmemory_policy:volatile-lru\r\n", "volatile-lru"},
                {"maxmemory_policy:volatile-lru\r\nmaxmemory:104857600", "volatile-lru"},
                {"maxmemory_human:1M\r\nmaxmemory_policy:volatile-lru\r\n", ""},
                {"maxmemory:many\r\nmaxmemory_policy:volatile-lru\r\n", ""},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_true(slice_is(redis_info_eviction(slice_of(cases[i][0])), cases[i][1]));
}

static void a_number_that_is_none_is_what_was_said_instead(void **state)
{
        static const char info[] = "connected_slaves:2\r\nbad:2x\r\nhuge:99999999999999999999\r\nempty:\r\n";
        (void)state;
        assert_int_equal(redis_info_number(slice_of(info), "connected_slaves", -1), 2);
        assert_int_equal(redis_info_number(slice_of(info), "bad", -1), -1);
        assert_int_equal(redis_info_number(slice_of(info), "huge", -1), -1);
        assert_int_equal(redis_info_number(slice_of(info), "empty", -1), -1);
        assert_int_equal(redis_info_number(slice_of(info), "connected", -1), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_server_is_named_by_what_it_is),
                cmocka_unit_test(a_policy_counts_where_there_is_a_limit),
                cmocka_unit_test(a_number_that_is_none_is_what_was_said_instead),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
