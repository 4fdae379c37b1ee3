#include "io/machine/process_usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static void knows_what_the_process_uses(void **state)
{
        (void)state;
        struct metrics_process usage = {0};
        process_usage_read(&usage);
        assert_true(usage.resident_bytes > 100000);
        assert_true(usage.cpu_s > 0 && usage.cpu_s < 60);
}

static void counts_open_descriptors(void **state)
{
        (void)state;
        struct metrics_process before = {0}, after = {0};
        process_usage_read(&before);
        int fd = dup(STDERR_FILENO);
        process_usage_read(&after);
        close(fd);
        assert_int_equal(after.open_fds, before.open_fds + 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_what_the_process_uses),
                cmocka_unit_test(counts_open_descriptors),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
