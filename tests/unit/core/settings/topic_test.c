#include "core/settings/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void words_stars_and_hashes_match_as_the_broker_does(void **state)
{
        (void)state;
        static const struct {
                const char *pattern, *key;
                bool matches;
        } cases[] = {
                {"#", "order.created.v1", true},
                {"#", "", true},
                {"order.#", "order", true},
                {"order.#", "order.created.v1", true},
                {"order.#", "orders.created", false},
                {"order.*", "order.created", true},
                {"order.*", "order", false},
                {"order.*", "order.created.v1", false},
                {"*.created.*", "order.created.v1", true},
                {"*", "order", true},
                {"#.v1", "order.created.v1", true},
                {"#.v1", "v1", true},
                {"#.v1", "order.v1.v2", false},
                {"#.v1.#", "a.v1.b.v1.c", true},
                {"#.a.*.b", "a.a.b", true},
                {"#.a.*.b", "a.x.a.b", false},
                {"#.a.#.b", "x.a.y.a.b", true},
                {"order.created.v1", "order.created.v1", true},
                {"order.created.v1", "order.created.v12", false},
                {"#.#", "a", true},
                {"a.#.#.b", "a.b", true},
                {"*.#", "", true},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                if (topic_matches(cases[i].pattern, cases[i].key) != cases[i].matches)
                        fail_msg("%s against %s", cases[i].pattern, cases[i].key);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(words_stars_and_hashes_match_as_the_broker_does)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
