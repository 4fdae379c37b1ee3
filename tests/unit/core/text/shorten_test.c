#include "core/text/shorten.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_too_long_keeps_both_ends(void **state)
{
        static const char *const cases[][2] = {
                {"", ""},
                {"fifteen bytes..", "fifteen bytes.."},
                {"amqp://broker:5672/: limit reached", "amqp: .. eached"},
                /* No half of a letter: e-acute is two bytes. */
                {"amqp\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
                 "amqp .. \xc3\xa9\xc3\xa9\xc3\xa9"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                char out[16], same[64];
                text_shorten(out, sizeof(out), cases[i][0]);
                assert_string_equal(out, cases[i][1]);
                strcpy(same, cases[i][0]); /* in place */
                text_shorten(same, sizeof(out), same);
                assert_string_equal(same, cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_too_long_keeps_both_ends)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
