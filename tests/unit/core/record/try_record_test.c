#include "core/record/try_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void what_is_written_is_read(void **state)
{
        (void)state;
        static const struct try_record cases[] = {
                {0},
                {.ambiguous = true,
                 .refusals = 1,
                 .redrives = 2,
                 .from_ms = 3,
                 .since_ms = 4,
                 .cleared_ms = 5},
                {.refusals = UINT32_MAX,
                 .redrives = UINT32_MAX,
                 .from_ms = INT64_MAX,
                 .since_ms = INT64_MIN,
                 .cleared_ms = INT64_MAX},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                char text[TRY_RECORD_SIZE];
                struct try_record read;
                try_record_format(&cases[i], text);
                assert_true(try_record_parse(slice_of(text), &read));
                assert_int_equal(read.ambiguous, cases[i].ambiguous);
                assert_int_equal(read.refusals, cases[i].refusals);
                assert_int_equal(read.redrives, cases[i].redrives);
                assert_int_equal(read.from_ms, cases[i].from_ms);
                assert_int_equal(read.since_ms, cases[i].since_ms);
                assert_int_equal(read.cleared_ms, cases[i].cleared_ms);
        }
}

static void what_is_none_is_as_nothing(void **state)
{
        (void)state;
        static const char *const texts[] = {"",
                                            "-",
                                            "ambiguous",
                                            "- 1 2 3 4",
                                            "- 1 2 3 4 5 6",
                                            "maybe 1 2 3 4 5",
                                            "ambiguously 1 2 3 4 5",
                                            "ambiguous x 2 3 4 5"};
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
                struct try_record read = {.ambiguous = true, .refusals = 7};
                assert_false(try_record_parse(slice_of(texts[i]), &read));
                assert_false(read.ambiguous);
                assert_int_equal(read.refusals, 0);
        }
}

static void the_attempt_that_was_the_last_is_known(void **state)
{
        (void)state;
        static const struct {
                const char *text;
                uint32_t tries, redrives;
        } cases[] = {{"3 1", 3, 1},    {"4294967295 4294967295", UINT32_MAX, UINT32_MAX},
                     {"", 0, 0},       {"3", 0, 0},
                     {"3 x", 0, 0},    {"3 1 2", 0, 0},
                     {"never 1", 0, 0}};
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                uint32_t tries = 9, redrives = 9;
                spent_record_parse(slice_of(cases[i].text), &tries, &redrives);
                assert_int_equal(tries, cases[i].tries);
                assert_int_equal(redrives, cases[i].redrives);
                char text[TRY_RECORD_SIZE];
                spent_record_format(tries, redrives, text);
                if (tries > 0)
                        assert_string_equal(text, cases[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(what_is_none_is_as_nothing),
                cmocka_unit_test(the_attempt_that_was_the_last_is_known),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
