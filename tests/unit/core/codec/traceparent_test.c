#include "envelope_read.h"

static void a_trace_context_is_kept_only_if_it_is_valid(void **state)
{
        (void)state;
#define IDS "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
        static const struct {
                struct slice text;
                const char *kept;
        } cases[] = {
                {TEXT("00" IDS "01"), "00" IDS "01"},
                {TEXT("00" IDS "00"), "00" IDS "00"},
                {TEXT("cc" IDS "03-later"), "00" IDS "01"},
                {TEXT("cc" IDS "fe"), "00" IDS "00"},
                {TEXT("cc" IDS "08"), "00" IDS "00"},
                {TEXT("cc" IDS "09"), "00" IDS "01"},
                {TEXT("cc" IDS "0a"), "00" IDS "00"},
                {TEXT("cc" IDS "0f"), "00" IDS "01"},
                {TEXT("00" IDS "01-more"), ""},
                {TEXT("cc" IDS "01more"), ""},
                {TEXT("ff" IDS "01"), ""},
                {TEXT("00" IDS "0"), ""},
                {TEXT("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"), ""},
                {TEXT("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), ""},
                {TEXT("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"), ""},
                {TEXT("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ""},
                {TEXT("00-4bf92f3577b34da6a3ce929d0e0e4736\r00f067aa0ba902b7-01"), ""},
                {TEXT(""), ""},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct envelope envelope = read_with_header((struct header){
                        .name = TEXT("traceparent"), .tag = HEADER_STRING, .text = cases[i].text});
                assert_int_equal(envelope.reason, REASON_NONE);
                assert_string_equal(envelope.traceparent, cases[i].kept);
                if (cases[i].kept[0] == '\0')
                        assert_string_equal(envelope.ignored, "header traceparent");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_trace_context_is_kept_only_if_it_is_valid),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
