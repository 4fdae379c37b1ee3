#include "core/redis/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As CLUSTER KEYSLOT of Redis 7.0 says. */
static void a_key_has_the_slot_that_redis_gives_it(void **state)
{
        static const struct {
                const char *key;
                int slot;
        } cases[] = {
                {"123456789", 12739}, {"foo", 12182},          {"bar", 5061},        {"", 0},
                {"{foo}", 12182},     {"a{foo}b{bar}", 12182}, {"foo{}{bar}", 8363}, {"foo{{bar}}zap", 4015},
                {"x{foo", 11351},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                if (redis_slot(slice_of(cases[i].key)) != cases[i].slot)
                        fail_msg("%s: %d", cases[i].key, redis_slot(slice_of(cases[i].key)));
}

static void a_job_and_its_timeline_and_plan_are_in_one_slot(void **state)
{
        (void)state;
        assert_int_equal(redis_slot(slice_of("leveret:job:{order-17}")),
                         redis_slot(slice_of("leveret:events:{order-17}")));
        assert_int_equal(redis_slot(slice_of("leveret:job:{order-17}")), redis_slot(slice_of("order-17")));
        assert_int_equal(redis_slot(slice_of("{shop}:job:{order-17}")),
                         redis_slot(slice_of("{shop}:jobs:dead")));
}

static void an_error_says_where_the_key_is(void **state)
{
        static const struct {
                const char *error;
                enum redis_redirect_kind kind;
                int slot;
                const char *host;
                int port;
        } cases[] = {
                {"MOVED 3999 127.0.0.1:6381", REDIRECT_MOVED, 3999, "127.0.0.1", 6381},
                {"ASK 16383 cache-2.test:7", REDIRECT_ASK, 16383, "cache-2.test", 7},
                {"MOVED 0 2001:db8::1:6379", REDIRECT_MOVED, 0, "2001:db8::1", 6379},
                {"MOVED 3999 :6381", REDIRECT_MOVED, 3999, "", 6381},
                {"TRYAGAIN Multiple keys request during rehashing of slot", REDIRECT_AGAIN, 0, "", 0},
                {"MOVED", REDIRECT_NONE, 0, "", 0},
                {"MOVED 3999", REDIRECT_NONE, 0, "", 0},
                {"MOVED 3999 ", REDIRECT_NONE, 0, "", 0},
                {"MOVED 16384 a:1", REDIRECT_NONE, 0, "", 0},
                {"MOVED -1 a:1", REDIRECT_NONE, 0, "", 0},
                {"MOVED 1 a:65536", REDIRECT_NONE, 0, "", 0},
                {"MOVED 1 a:0", REDIRECT_NONE, 0, "", 0},
                {"MOVED 1 a:x", REDIRECT_NONE, 0, "", 0},
                {"MOVED 99999999999 a:1", REDIRECT_NONE, 0, "", 0},
                {"ASKED 1 a:1", REDIRECT_NONE, 0, "", 0},
                {"CLUSTERDOWN Hash slot not served", REDIRECT_NONE, 0, "", 0},
                {"", REDIRECT_NONE, 0, "", 0},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct redis_redirect redirect = redis_redirect_parse(slice_of(cases[i].error));
                if (redirect.kind != cases[i].kind ||
                    (redirect.kind != REDIRECT_NONE &&
                     (redirect.slot != cases[i].slot || strcmp(redirect.host, cases[i].host) != 0 ||
                      redirect.port != cases[i].port)))
                        fail_msg("%s", cases[i].error);
        }
        char long_host[600] = "MOVED 1 ";
        memset(long_host + 8, 'a', 500);
        strcpy(long_host + 508, ":1");
        assert_int_equal(redis_redirect_parse(slice_of(long_host)).kind, REDIRECT_NONE);
}

static void a_map_knows_every_slot_or_says_how_many_it_does_not(void **state)
{
        struct redis_slots *slots = malloc(sizeof *slots);
        (void)state;
        redis_slots_init(slots);
        int a = redis_slots_add(slots, "a", 1), b = redis_slots_add(slots, "b", 1);
        assert_int_equal(redis_slots_add(slots, "A", 1), a);
        assert_int_equal(redis_slots_add(slots, "a", 0), -1);
        assert_true(redis_slots_assign(slots, 0, 8191, a));
        assert_int_equal(redis_slots_missing(slots), 8192);
        assert_true(redis_slots_assign(slots, 8192, 16383, b));
        assert_true(redis_slots_assign(slots, 5, 5, b));
        assert_int_equal(redis_slots_missing(slots), 0);
        assert_int_equal(slots->owner[5], b);
        assert_false(redis_slots_assign(slots, -1, 5, a));
        assert_false(redis_slots_assign(slots, 5, 16384, a));
        assert_false(redis_slots_assign(slots, 6, 5, a));
        assert_false(redis_slots_assign(slots, 5, 6, 2));
        for (int i = 2; i < REDIS_NODES_MAX; i++)
                assert_int_equal(redis_slots_add(slots, "c", (uint16_t)i), i);
        assert_int_equal(redis_slots_add(slots, "d", 1), -1);
        free(slots);
}

static void each_node_has_a_key_of_its_own_to_be_tried(void **state)
{
        struct redis_slots *slots = malloc(sizeof *slots);
        char key[64];
        (void)state;
        redis_slots_init(slots);
        redis_slots_add(slots, "a", 1);
        redis_slots_add(slots, "b", 1);
        redis_slots_add(slots, "none", 1);
        redis_slots_assign(slots, 0, 16383, 0);
        redis_slots_assign(slots, 77, 77, 1);
        snprintf(key, sizeof key, "shop:probe:w{%d}", redis_slots_tag(slots, 1, "shop:probe:w"));
        assert_int_equal(redis_slot(slice_of(key)), 77);
        assert_int_equal(redis_slots_tag(slots, 2, "shop:probe:w"), -1);
        assert_int_equal(redis_slots_tag(slots, 1, "{shop}:probe:w"), -1);
        assert_int_equal(redis_slots_tag(slots, 0, "{shop}:probe:w"), 0);
        free(slots);
}

static void the_key_of_a_command_is_found(void **state)
{
        const struct slice set[] = {SLICE_LITERAL("SET"), SLICE_LITERAL("k"), SLICE_LITERAL("v")};
        const struct slice eval[] = {SLICE_LITERAL("EVAL"), SLICE_LITERAL("return 1"), SLICE_LITERAL("1"),
                                     SLICE_LITERAL("k")};
        const struct slice sha[] = {SLICE_LITERAL("evalsha"), SLICE_LITERAL("x"), SLICE_LITERAL("0"),
                                    SLICE_LITERAL("v")};
        const struct slice wait[] = {SLICE_LITERAL("wait"), SLICE_LITERAL("1"), SLICE_LITERAL("0")};
        (void)state;
        assert_int_equal(redis_key_index(set, 3), 1);
        assert_int_equal(redis_key_index(eval, 4), 3);
        assert_int_equal(redis_key_index(sha, 4), 0);
        assert_int_equal(redis_key_index(wait, 3), 0);
        assert_int_equal(redis_key_index(set, 1), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_key_has_the_slot_that_redis_gives_it),
                cmocka_unit_test(a_job_and_its_timeline_and_plan_are_in_one_slot),
                cmocka_unit_test(an_error_says_where_the_key_is),
                cmocka_unit_test(a_map_knows_every_slot_or_says_how_many_it_does_not),
                cmocka_unit_test(each_node_has_a_key_of_its_own_to_be_tried),
                cmocka_unit_test(the_key_of_a_command_is_found),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
