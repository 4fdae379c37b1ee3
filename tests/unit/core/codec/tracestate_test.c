#include "core/codec/tracestate.h"
#include "envelope_read.h"

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define TEN "aaaaaaaaaa"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define LONG SIXTY SIXTY TEN /* 130 */

static void members_that_are_valid_go_on_as_they_came(void **state)
{
        (void)state;
        static const struct {
                struct slice text;
                const char *kept;
        } cases[] = {
                {TEXT("congo=t61rcWkgMzE"), "congo=t61rcWkgMzE"},
                {TEXT("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
                {TEXT("ot=th:8;rv:6e6d1a75832a2f"), "ot=th:8;rv:6e6d1a75832a2f"},
                {TEXT("fw529a3039@dt=FfhwcG;1,0a/b*c-d_e=x y"), "fw529a3039@dt=FfhwcG;1,0a/b*c-d_e=x y"},
                {TEXT(" a=1 ,\tb=2,, "), "a=1,b=2"},
                {TEXT("a=1,a=2"), "a=1,a=2"}, /* whose fault it is does not matter to who hands it on */
                {TEXT(""), NULL},
                {TEXT(" , "), NULL},
                {TEXT("a"), NULL},
                {TEXT("a="), NULL},
                {TEXT("=1"), NULL},
                {TEXT("A=1"), NULL},
                {TEXT("a=1,_b=2"), NULL},
                {TEXT("a b=1"), NULL},
                {TEXT("a=1=2"), NULL},
                {TEXT("a=\x7f"), NULL},
                {TEXT("a=\xc3\xa4"), NULL},
                {TEXT("a=1\r\nx-evil: 1"), NULL},
                {TEXT("a\0b=1"), NULL},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                const char *kept = tracestate_read(&arena, cases[i].text);
                assert_true(slice_is(slice_of(kept), cases[i].kept ? cases[i].kept : "") &&
                            !kept == !cases[i].kept);
                assert_int_equal(tracestate_valid(cases[i].text), cases[i].kept != NULL);
                assert_true(!kept || tracestate_valid(slice_of(kept)));
        }
}

static void there_are_at_most_thirty_two_members(void **state)
{
        (void)state;
        struct slice text = TEXT("a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,"
                                 "a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1");
        assert_null(tracestate_read(&arena, text));
        text.len -= 4;
        assert_int_equal(strlen(tracestate_read(&arena, text)), text.len);
}

/* Section 3.3.1.5: whole members, the large ones first, then from the end. */
static void what_is_too_long_loses_members(void **state)
{
        (void)state;
        struct slice large = TEXT("a=1,b=" LONG ",c=2,d=" LONG ",e=" LONG ",f=" LONG);
        assert_string_equal(tracestate_read(&arena, large), "a=1,b=" LONG ",c=2,d=" LONG ",e=" LONG);
        assert_false(tracestate_valid(large));
        struct slice many = TEXT("a=" SIXTY SIXTY ",b=" SIXTY SIXTY ",c=" SIXTY SIXTY ",d=" SIXTY SIXTY
                                 ",e=" SIXTY ",f=1");
        assert_string_equal(tracestate_read(&arena, many),
                            "a=" SIXTY SIXTY ",b=" SIXTY SIXTY ",c=" SIXTY SIXTY ",d=" SIXTY SIXTY);
        static const char value[] = "a=" SIXTY SIXTY SIXTY SIXTY "1234567890123456";
        struct slice longest = {.data = value, .len = sizeof(value) - 1};
        assert_string_equal(tracestate_read(&arena, longest), value);
        longest = TEXT("a=" SIXTY SIXTY SIXTY SIXTY "12345678901234567");
        assert_null(tracestate_read(&arena, longest));
}

static void what_is_kept_has_at_most_512_bytes(void **state)
{
        (void)state;
#define FOUR "a=" SIXTY SIXTY ",b=" SIXTY SIXTY ",c=" SIXTY SIXTY ",d=" SIXTY SIXTY
        assert_int_equal(strlen(FOUR ",e=123456789012345678"), 512);
        assert_true(tracestate_valid(TEXT(FOUR ",e=123456789012345678")));
        assert_false(tracestate_valid(TEXT(FOUR ",e=1234567890123456789")));
}

static struct envelope read_two(struct slice parent, struct slice trace)
{
        struct message message = good_message();
        struct header headers[] = {{.name = TEXT("traceparent"), .tag = HEADER_STRING, .text = parent},
                                   {.name = TEXT("tracestate"), .tag = HEADER_STRING, .text = trace}};
        message.properties.headers = headers;
        message.properties.header_count = 2;
        return read_message(message);
}

static void a_message_has_a_state_only_beside_a_parent(void **state)
{
        (void)state;
        struct envelope envelope = read_two(TEXT(PARENT), TEXT("a=1"));
        assert_string_equal(envelope.traceparent, PARENT);
        assert_string_equal(envelope.tracestate, "a=1");
        assert_null(envelope.ignored);
        envelope = read_two(TEXT(PARENT), TEXT("nonsense"));
        assert_string_equal(envelope.traceparent, PARENT);
        assert_null(envelope.tracestate);
        assert_string_equal(envelope.ignored, "header tracestate");
        assert_int_equal(envelope.reason, REASON_NONE);
        envelope = read_two(TEXT("00-nonsense"), TEXT("a=1"));
        assert_null(envelope.tracestate);
        assert_string_equal(envelope.ignored, "header traceparent");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(members_that_are_valid_go_on_as_they_came),
                TEST(there_are_at_most_thirty_two_members),
                TEST(what_is_too_long_loses_members),
                TEST(what_is_kept_has_at_most_512_bytes),
                TEST(a_message_has_a_state_only_beside_a_parent),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
