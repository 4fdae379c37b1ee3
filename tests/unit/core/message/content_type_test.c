#include "envelope_read.h"

static void content_types_are_read_with_their_parameters(void **state)
{
        (void)state;
        static const struct {
                struct slice type;
                enum reason reason;
        } cases[] = {
                {{.data = NULL}, REASON_NONE},
                {TEXT(""), REASON_NONE},
                {TEXT("application/json"), REASON_NONE},
                {TEXT("Application/JSON"), REASON_NONE},
                {TEXT("application/json;charset=utf-8"), REASON_NONE},
                {TEXT("application/json ; Charset=\"UTF-8\""), REASON_NONE},
                {TEXT("application/json; charset=utf8"), REASON_NONE},
                {TEXT("application/json; profile=\"a;charset=x\"; charset=utf-8"), REASON_NONE},
                {TEXT("application/json; profile=\"a\\\";charset=x\""), REASON_NONE},
                {TEXT("application/json;"), REASON_NONE},
                {TEXT("application/json; charset=latin1"), REASON_BAD_PAYLOAD},
                {TEXT("application/json; x=1; charset=\"iso-8859-1\""), REASON_BAD_PAYLOAD},
                {TEXT("application/json; charset="), REASON_BAD_PAYLOAD},
                {TEXT("application/jsonx"), REASON_BAD_PAYLOAD},
                {TEXT("application/json\0"), REASON_BAD_PAYLOAD},
                {TEXT("application/vnd.shop+json"), REASON_BAD_PAYLOAD},
                {TEXT("application/cloudevents-batch+json"), REASON_BAD_PAYLOAD},
                {TEXT("text/plain"), REASON_BAD_PAYLOAD},
                {TEXT("application/octet-stream"), REASON_BAD_PAYLOAD},
                {TEXT(";"), REASON_BAD_PAYLOAD},
                {TEXT(" "), REASON_BAD_PAYLOAD},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct message message = good_message();
                message.properties.content_type = cases[i].type;
                struct envelope envelope = read_message(message);
                if (envelope.reason != cases[i].reason)
                        fail_msg("%.*s: %s", SLICE_PRINT(cases[i].type), reason_word(envelope.reason));
                assert_string_equal(envelope.id, "job-1");
        }
}

static void only_gzip_and_nothing_are_encodings(void **state)
{
        (void)state;
        static const struct {
                struct slice encoding;
                enum reason reason;
        } cases[] = {
                {TEXT(""), REASON_NONE},
                {TEXT("identity"), REASON_NONE},
                {TEXT("utf-8"), REASON_NONE},
                {TEXT("UTF-8"), REASON_NONE},
                {TEXT("br"), REASON_UNSUPPORTED_ENCODING},
                {TEXT("deflate"), REASON_UNSUPPORTED_ENCODING},
                {TEXT("gzip, gzip"), REASON_UNSUPPORTED_ENCODING},
                {TEXT("gzip\0"), REASON_UNSUPPORTED_ENCODING},
                {TEXT("gzip"), REASON_BAD_PAYLOAD}, /* which the body is not */
                {TEXT("gzip:UTF-8"), REASON_BAD_PAYLOAD},
                {TEXT("GZIP, utf-8"), REASON_BAD_PAYLOAD},
                {TEXT("utf-8,gzip"), REASON_BAD_PAYLOAD},
                {TEXT("gzip, deflate"), REASON_UNSUPPORTED_ENCODING},
                {TEXT("utf-8:identity,"), REASON_NONE},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct message message = good_message();
                message.properties.content_encoding = cases[i].encoding;
                struct envelope envelope = read_message(message);
                assert_string_equal(reason_word(envelope.reason), reason_word(cases[i].reason));
                assert_string_equal(envelope.id, "job-1");
                assert_int_equal(envelope.payload.data == NULL, cases[i].reason != REASON_NONE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(content_types_are_read_with_their_parameters),
                TEST(only_gzip_and_nothing_are_encodings),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
