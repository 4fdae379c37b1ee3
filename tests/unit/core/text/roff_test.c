#include "core/text/roff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void text_is(const char *text, const char *expected)
{
        struct buffer out = {0};
        roff_add_text(&out, text);
        assert_string_equal(out.data, expected);
        buffer_fini(&out);
}

/* A point or an apostrophe that begins a line begins a request (groff(7)). */
static void a_line_of_text_is_never_taken_for_a_request(void **state)
{
        (void)state;
        text_is(".sh", "\\&.sh\n");
        text_is("'sh", "\\&\\(aqsh\n");
        text_is("a\n.sh\n'x", "a\n\\&.sh\n\\&\\(aqx\n");
        text_is("a.b", "a.b\n");
}

static void what_roff_would_change_is_escaped(void **state)
{
        (void)state;
        text_is("a\\b-c", "a\\eb\\-c\n");
        text_is("~^`", "\\(ti\\(ha\\(ga\n");
        text_is("a\n\nb", "a\n\nb\n");
}

static void a_tag_is_bold_and_escaped(void **state)
{
        (void)state;
        struct buffer out = {0};
        roff_add_tag(&out, "--all more", strlen("--all"));
        assert_string_equal(out.data, ".TP\n\\fB\\-\\-all\\fR\n");
        buffer_fini(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_of_text_is_never_taken_for_a_request),
                cmocka_unit_test(what_roff_would_change_is_escaped),
                cmocka_unit_test(a_tag_is_bold_and_escaped),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
