#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory/arena.h"
#include "core/text/buffer.h"

static void every_length_is_printed_whole(void **state)
{
        (void)state;
        char text[600];
        memset(text, 'x', sizeof(text));
        for (size_t len = 0; len + 1 < sizeof(text); len++) {
                struct buffer out = {0};
                struct arena arena;
                arena_init(&arena);
                text[len] = '\0';
                buffer_printf(&out, "<%s>", text);
                buffer_printf(&out, "%d", 7);
                assert_int_equal(out.len, len + 3);
                assert_int_equal(strlen(out.data), len + 3);
                assert_string_equal(out.data + len + 1, ">7");
                const char *copy = arena_printf(&arena, "<%s>", text);
                assert_int_equal(strlen(copy), len + 2);
                assert_int_equal(copy[len + 1], '>');
                buffer_fini(&out);
                arena_fini(&arena);
                text[len] = 'x';
        }
}

/* Texts that stand one behind the other, each with its end. */
static void what_is_printed_may_hold_the_end_of_a_text(void **state)
{
        (void)state;
        struct buffer out = {0};
        buffer_printf(&out, "%s%c%s%c", "name", '\0', "value", '\0');
        assert_int_equal(out.len, sizeof("name") + sizeof("value"));
        assert_memory_equal(out.data, "name\0value", sizeof("name") + sizeof("value"));
        buffer_fini(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(every_length_is_printed_whole),
                                           cmocka_unit_test(what_is_printed_may_hold_the_end_of_a_text)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
