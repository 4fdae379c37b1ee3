#include "core/text/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool is_unreserved(int byte)
{
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
               byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static void every_byte_is_itself_or_escaped(void **state)
{
        (void)state;
        for (int byte = 1; byte < 256; byte++) {
                struct buffer out = {0};
                char text[] = {'a', (char)byte, 'z', '\0'}, expected[8];
                snprintf(expected, sizeof(expected), is_unreserved(byte) ? "a%cz" : "a%%%02Xz", byte);
                percent_add(&out, text);
                assert_string_equal(out.data, expected);
                buffer_fini(&out);
        }
}

static void nothing_is_added_of_an_empty_text(void **state)
{
        (void)state;
        struct buffer out = {0};
        buffer_add_char(&out, '/');
        percent_add(&out, "");
        assert_string_equal(out.data, "/");
        buffer_fini(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_byte_is_itself_or_escaped),
                cmocka_unit_test(nothing_is_added_of_an_empty_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
