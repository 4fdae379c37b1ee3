#include "core/redis/sentinel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NAMED(h, e)                                                                                          \
        {                                                                                                    \
                .said = SENTINEL_NAMED, .host = h, .port = 6379, .epoch = e                                  \
        }
#define SILENT                                                                                               \
        {                                                                                                    \
                .said = SENTINEL_SILENT                                                                      \
        }
#define UNKNOWN                                                                                              \
        {                                                                                                    \
                .said = SENTINEL_UNKNOWN                                                                     \
        }

static void the_latest_epoch_is_believed_then_the_most_votes(void **state)
{
        static const struct {
                struct sentinel_answer answers[5];
                int chosen;
                size_t votes;
        } cases[] = {
                {{SILENT, UNKNOWN, SILENT}, -1, 0},
                {{NAMED("a", 1), NAMED("a", 1), NAMED("a", 1)}, 0, 3},
                {{NAMED("old", 1), NAMED("new", 2), SILENT}, 1, 1},
                {{NAMED("new", 2), NAMED("old", 1), NAMED("old", 1)}, 0, 1},
                {{NAMED("a", 0), NAMED("b", 0), NAMED("b", 0), UNKNOWN}, 1, 2}, /* epochs are not told */
                {{NAMED("a", 3), NAMED("b", 3)}, 0, 1},
                {{UNKNOWN, NAMED("Host.test", 0), NAMED("host.test", 0)}, 1, 2},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                size_t votes;
                assert_int_equal(sentinel_choose(cases[i].answers, 5, &votes), cases[i].chosen);
                assert_int_equal(votes, cases[i].votes);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_latest_epoch_is_believed_then_the_most_votes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
