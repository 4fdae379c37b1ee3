#include "core/trace/otlp_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct otlp_verdict judge(int status, const char *retry_after, const char *body)
{
        return otlp_judge(&(struct otlp_answer){.status = status,
                                                .retry_after = slice_of(retry_after),
                                                .body = slice_of(body),
                                                .now_s = 1700000000});
}

static void what_is_sent_again(void **state)
{
        (void)state;
        static const struct {
                int status;
                enum otlp_end end;
        } cases[] = {{200, OTLP_TAKEN},   {202, OTLP_TAKEN},   {204, OTLP_TAKEN},   {301, OTLP_REFUSED},
                     {400, OTLP_REFUSED}, {401, OTLP_REFUSED}, {404, OTLP_REFUSED}, {408, OTLP_REFUSED},
                     {413, OTLP_REFUSED}, {429, OTLP_AGAIN},   {500, OTLP_REFUSED}, {501, OTLP_REFUSED},
                     {502, OTLP_AGAIN},   {503, OTLP_AGAIN},   {504, OTLP_AGAIN}};
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                assert_int_equal(judge(cases[i].status, NULL, NULL).end, cases[i].end);
        struct otlp_verdict none = otlp_judge(&(struct otlp_answer){.cause = "no route"});
        assert_int_equal(none.end, OTLP_AGAIN);
        assert_string_equal(none.text, "no route");
}

static void how_long_is_waited(void **state)
{
        (void)state;
        assert_int_equal(judge(429, "7", NULL).pause_ms, 7000);
        assert_int_equal(judge(503, "Tue, 14 Nov 2023 22:13:30 GMT", NULL).pause_ms, 10000);
        assert_int_equal(judge(503, "soon", NULL).pause_ms, -1);
        assert_int_equal(judge(400, "7", NULL).pause_ms, -1);
        assert_int_equal(otlp_again_ms(1, 7000, 0), 7000);
        assert_int_equal(otlp_again_ms(1, INT64_MAX, 0), OTLP_PAUSE_MAX_MS);
        int64_t most_ms = OTLP_AGAIN_MIN_MS;
        for (int tries = 1; tries < 40; tries++) {
                for (uint64_t random = 0; random < 20000; random += 77)
                        assert_in_range(otlp_again_ms(tries, -1, random), most_ms / 2, most_ms);
                most_ms = most_ms * 2 < OTLP_AGAIN_MAX_MS ? most_ms * 2 : OTLP_AGAIN_MAX_MS;
        }
}

static void a_part_may_be_taken(void **state)
{
        (void)state;
        static const struct {
                const char *body;
                uint64_t rejected;
                const char *text;
        } cases[] = {
                {"{}", 0, ""},
                {"", 0, ""},
                {"\x0a\x02", 0, ""},
                {"{\"partialSuccess\":{}}", 0, ""},
                {"{\"partialSuccess\":null}", 0, ""},
                {"{\"partialSuccess\":[1]}", 0, ""},
                {"{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"bad\"}}", 3,
                 "the collector took all but 3 spans: bad"},
                {"{\"partial_success\":{\"rejected_spans\":4}}", 4,
                 "the collector took all but 4 spans: it does not say why"},
                {"{\"partialSuccess\":{\"errorMessage\":\"old ada@example.com\"}}", 0,
                 "the collector took all but 0 spans: old a***@example.com"},
                {"{\"partialSuccess\":{\"rejectedSpans\":\"-3\"}}", 0, ""},
                {"{\"partialSuccess\":{\"rejectedSpans\":-3}}", 0, ""},
                {"{\"partialSuccess\":{\"rejectedSpans\":\"3x\"}}", 0, ""},
                {"{\"partialSuccess\":{\"rejectedSpans\":\"99999999999999999999999999\"}}", 0, ""},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct otlp_verdict verdict = judge(200, NULL, cases[i].body);
                assert_int_equal(verdict.end, OTLP_TAKEN);
                assert_int_equal(verdict.rejected, cases[i].rejected);
                assert_string_equal(verdict.text, cases[i].text);
        }
}

static void why_it_was_refused(void **state)
{
        (void)state;
        assert_string_equal(judge(400, NULL, "{\"code\":3,\"message\":\"no\\nspans\"}").text,
                            "the collector answered 400: no spans");
        assert_string_equal(judge(404, NULL, "<html>").text, "the collector answered 404: <html>");
        assert_string_equal(judge(401, NULL, NULL).text, "the collector answered 401");
}

static void what_is_held_and_when_it_is_due(void **state)
{
        (void)state;
        assert_true(otlp_has_room(OTLP_HELD_SPANS_MAX - 1, 0, 1000));
        assert_false(otlp_has_room(OTLP_HELD_SPANS_MAX, 0, 1000));
        assert_false(otlp_has_room(1, OTLP_HELD_BYTES_MAX, 1));
        assert_false(otlp_is_due(0, INT64_MAX));
        assert_false(otlp_is_due(1, OTLP_BATCH_DUE_MS - 1));
        assert_true(otlp_is_due(1, OTLP_BATCH_DUE_MS));
        assert_true(otlp_is_due(OTLP_BATCH_DUE_SPANS, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_sent_again),
                cmocka_unit_test(how_long_is_waited),
                cmocka_unit_test(a_part_may_be_taken),
                cmocka_unit_test(why_it_was_refused),
                cmocka_unit_test(what_is_held_and_when_it_is_due),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
