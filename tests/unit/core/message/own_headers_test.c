#include "core/broker/topology.h"
#include "core/message/own_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t first_seen_of(const char *text)
{
        struct arena arena;
        struct own_headers own;
        struct message message = {.exchange = SLICE_LITERAL(EXCHANGE_RETURN)};
        arena_init(&arena);
        message_set_header(&arena, &message,
                           (struct header){.name = SLICE_LITERAL(OWN_HEADER_FIRST_SEEN),
                                           .tag = HEADER_STRING,
                                           .text = slice_of(text)});
        own_headers_read(&message, &own);
        assert_true(own.believed);
        arena_fini(&arena);
        return own.first_seen_ms;
}

static void a_time_is_from_1970_on_or_none(void **state)
{
        (void)state;
        assert_int_equal(first_seen_of("1970-01-01T00:00:00Z"), 0);
        assert_int_equal(first_seen_of("1970-01-01T00:00:00.001Z"), 1);
        assert_int_equal(first_seen_of("1969-12-31T23:59:59.999Z"), -1);
        assert_int_equal(first_seen_of("yesterday"), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_time_is_from_1970_on_or_none)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
