#include "run/state.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A reload or a stop asked for while the worker starts must neither end it nor be lost. */
static void signals_wait_until_the_loop_looks(void **state)
{
        (void)state;
        static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
        lifecycle_block_signals();
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
                sigset_t waiting;
                raise(signals[i]);
                assert_int_equal(sigpending(&waiting), 0);
                assert_true(sigismember(&waiting, signals[i]));
        }
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
                sigset_t one;
                int got;
                sigemptyset(&one);
                sigaddset(&one, signals[i]);
                assert_int_equal(sigwait(&one, &got), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signals_wait_until_the_loop_looks),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
