#include "core/text/json_member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void members_follow_each_other_with_commas(void **state)
{
        (void)state;
        struct buffer out = {0};
        buffer_add_char(&out, '{');
        json_member_text(&out, "text", "a\"b");
        json_member_text(&out, "none", NULL);
        json_member_text(&out, "empty", "");
        json_member_given(&out, "given", SLICE_LITERAL("x"));
        json_member_given(&out, "not_given", SLICE_LITERAL(""));
        json_member_count(&out, "count", INT64_MAX);
        json_member_count(&out, "unknown", -1);
        json_member_bool(&out, "yes", true);
        json_member(&out, "inner");
        buffer_add_char(&out, '{');
        json_member_bool(&out, "no", false);
        buffer_add_text(&out, "}}");
        assert_string_equal(
                out.data,
                "{\"text\":\"a\\\"b\",\"none\":null,\"empty\":\"\",\"given\":\"x\",\"not_given\":null,"
                "\"count\":9223372036854775807,\"unknown\":null,\"yes\":true,\"inner\":{\"no\":false}}");
        buffer_fini(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(members_follow_each_other_with_commas)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
