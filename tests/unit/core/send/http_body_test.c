#include "core/codec/gzip.h"
#include "core/send/http_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define ORDER_MARK "\xef\xbb\xbf"

static void assert_read(struct slice body, struct slice text, size_t max)
{
        struct buffer buffer = {0};
        buffer_add_slice(&buffer, body);
        http_body_read(&buffer, max);
        assert_true(slice_equal((struct slice){.data = buffer.data, .len = buffer.len}, text));
        buffer_fini(&buffer);
}

static void a_body_is_taken_as_it_is_but_for_byte_order_marks(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"{\"id\":\"x\"}", "{\"id\":\"x\"}"},
                {ORDER_MARK "{}", "{}"},
                {ORDER_MARK ORDER_MARK "{}", "{}"},
                {ORDER_MARK, ""},
                {"\xef\xbb", "\xef\xbb"},
                {"", ""},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_read(slice_of(cases[i][0]), slice_of(cases[i][1]), 1000);
}

static void what_is_gzip_is_unpacked_within_the_limit(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        struct slice packed = gzip_pack(&arena, slice_of(ORDER_MARK "{\"id\":\"x\"}"), 1000),
                     cut = {.data = packed.data, .len = packed.len - 1};
        assert_read(packed, slice_of("{\"id\":\"x\"}"), 1000);
        assert_read(packed, packed, 5);
        assert_read(cut, cut, 1000);
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_body_is_taken_as_it_is_but_for_byte_order_marks),
                cmocka_unit_test(what_is_gzip_is_unpacked_within_the_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
