#include "core/outbox/outbox_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct outbox_numbers well = {.postgres_up = true,
                                           .publisher_up = true,
                                           .postgres_trouble = "",
                                           .publisher_trouble = "",
                                           .waiting = 12,
                                           .oldest_ms = 3000,
                                           .aside = 2,
                                           .version = "1",
                                           .worker = "relay"};

static void ready_is(const struct outbox_numbers *numbers, bool verbose, const char *expected)
{
        struct buffer out = {0};
        outbox_ready_render(numbers, verbose, &out);
        assert_string_equal(out.data, expected);
        buffer_fini(&out);
}

static void a_relay_that_moves_rows_is_ready(void **state)
{
        (void)state;
        ready_is(&well, false, "ready\n");
        ready_is(&well, true, "ready\n12 rows wait, the first for 3 s; 2 stand aside\n");
}

static void what_holds_a_relay_back_is_named_a_line_each(void **state)
{
        (void)state;
        struct outbox_numbers numbers = well;
        numbers.waiting = numbers.oldest_ms = numbers.aside = -1;
        numbers.publisher_blocked = true;
        ready_is(&numbers, true,
                 "not ready\nthe broker blocks publishers\nhow many rows wait is not known\n");
        numbers.draining = true;
        numbers.postgres_up = numbers.publisher_up = false;
        numbers.postgres_trouble = "refused";
        numbers.publisher_trouble = "closed";
        ready_is(&numbers, false, "not ready\n");
        ready_is(&numbers, true,
                 "not ready\nit is ending\nPostgreSQL cannot be used: refused\n"
                 "the publisher's connection is down: closed\nhow many rows wait is not known\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_relay_that_moves_rows_is_ready),
                                           cmocka_unit_test(what_holds_a_relay_back_is_named_a_line_each)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
