#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/broker/nacks.h"

static void nacks_that_go_on_ask_for_another_channel(void **state)
{
        struct nacks nacks;
        (void)state;
        nacks_init(&nacks);
        nacks_note(&nacks, 1000);
        nacks_note(&nacks, 3999);
        assert_false(nacks.overdue);
        nacks_note(&nacks, 4000);
        assert_true(nacks.overdue);
}

static void each_new_channel_has_twice_as_long_up_to_a_minute(void **state)
{
        static const int64_t limits_ms[] = {3000, 6000, 12000, 24000, 48000, 60000, 60000};
        struct nacks nacks;
        int64_t now_ms = 1;
        (void)state;
        nacks_init(&nacks);
        for (size_t i = 0; i < sizeof(limits_ms) / sizeof(*limits_ms); i++) {
                nacks_note(&nacks, now_ms);
                nacks_note(&nacks, now_ms += limits_ms[i] - 1);
                assert_false(nacks.overdue);
                nacks_note(&nacks, ++now_ms);
                assert_true(nacks.overdue);
                nacks_renewed(&nacks);
                assert_false(nacks.overdue);
        }
        nacks_init(&nacks);
        nacks_note(&nacks, now_ms);
        nacks_note(&nacks, now_ms + 3000);
        assert_true(nacks.overdue);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nacks_that_go_on_ask_for_another_channel),
                cmocka_unit_test(each_new_channel_has_twice_as_long_up_to_a_minute),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
