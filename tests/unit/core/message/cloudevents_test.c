#include "envelope_read.h"

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* A structured CloudEvent, without id and type in the properties. */
static struct message event_message(const char *body)
{
        return (struct message){
                .properties = {.content_type = TEXT("application/cloudevents+json; charset=utf-8")},
                .body = slice_of(body),
        };
}

/* ---- Binary mode
 * ----------------------------------------------------------------------------------------- */

static void the_attributes_of_a_binary_event_win_over_the_properties(void **state)
{
        (void)state;
        static const char *const separators[] = {"_", ":"};
        for (size_t i = 0; i < 2; i++) {
#define NAME(name) slice_of(arena_printf(&arena, "cloudEvents%s%s", separators[i], name))
                struct header headers[] = {
                        {.name = NAME("specversion"), .tag = HEADER_STRING, .text = TEXT("1.0")},
                        {.name = NAME("id"), .tag = HEADER_BYTES, .text = TEXT("event-1")},
                        {.name = NAME("type"), .tag = HEADER_STRING, .text = TEXT("invoice.overdue.v1")},
                        {.name = NAME("source"), .tag = HEADER_STRING, .text = TEXT("/billing")},
                        {.name = NAME("subject"), .tag = HEADER_STRING, .text = TEXT("invoice/7")},
                        {.name = NAME("time"), .tag = HEADER_STRING, .text = TEXT("1970-01-01T00:01:00.5Z")},
                        {.name = NAME("correlationid"), .tag = HEADER_STRING, .text = TEXT("c")},
                };
                struct message message = good_message();
                message.properties.headers = headers;
                message.properties.header_count = sizeof(headers) / sizeof(*headers);
                message.properties.has_timestamp = true;
                message.properties.timestamp = 5;
                struct envelope envelope = read_message(message);
                assert_int_equal(envelope.reason, REASON_NONE);
                assert_string_equal(envelope.id, "event-1");
                assert_string_equal(envelope.type, "invoice.overdue.v1");
                assert_string_equal(envelope.source, "/billing");
                assert_string_equal(envelope.subject, "invoice/7");
                assert_int_equal(envelope.timestamp_s, 60);
                assert_string_equal(envelope.correlation_id, "c");
                assert_slice(envelope.payload, "{\"order_id\":42}");
        }
}

static void a_binary_event_may_leave_the_rest_to_the_properties(void **state)
{
        (void)state;
        struct envelope envelope = read_with_header((struct header)HEADER("cloudEvents_specversion", "1.0"));
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_string_equal(envelope.id, "job-1");
}

static void the_time_of_a_binary_event_may_be_of_amqp_s_own_type(void **state)
{
        (void)state;
        struct message message = good_message();
        struct header headers[] = {
                HEADER("cloudEvents_specversion", "1.0"),
                {.name = TEXT("cloudEvents_time"), .tag = HEADER_TIMESTAMP, .unsigned_ = 1795245320},
        };
        message.properties.headers = headers;
        message.properties.header_count = 2;
        assert_int_equal(read_message(message).timestamp_s, 1795245320);
}

static void faults_of_a_binary_event_name_the_header(void **state)
{
        (void)state;
        static const struct {
                struct header header;
                enum reason reason;
                const char *error;
        } cases[] = {
                {HEADER("cloudEvents_specversion", "0.3"), REASON_BAD_PAYLOAD,
                 "header cloudEvents_specversion: expected \"1.0\""},
                {HEADER("cloudEvents:id", "a b"), REASON_BAD_ID,
                 "header cloudEvents:id: expected only A-Z a-z 0-9 . _ : / -, found byte 0x20 at 2"},
                {HEADER("cloudEvents_id", ""), REASON_MISSING_ID, "header cloudEvents_id: missing"},
                {{.name = TEXT("cloudEvents_id"), .tag = HEADER_I64, .integer = 7},
                 REASON_BAD_ID,
                 "header cloudEvents_id: expected text"},
                {HEADER("cloudEvents_type", "Order"), REASON_UNKNOWN_TYPE,
                 "header cloudEvents_type: expected lower-case words joined by dots and a version, as in "
                 "order.created.v1"},
                {HEADER("cloudEvents_source", "x"), REASON_BAD_PAYLOAD,
                 "header cloudEvents_specversion: expected \"1.0\""},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct envelope envelope = read_with_header(cases[i].header);
                assert_int_equal(envelope.reason, cases[i].reason);
                assert_string_equal(envelope.faults.first->text,
                                    cases[i].error); /* specversion is missing too */
        }
}

/* ---- Structured mode
 * ------------------------------------------------------------------------------------- */

static void a_structured_event_is_read_from_its_body(void **state)
{
        (void)state;
        struct envelope envelope = read_message(event_message(
                "{\"specversion\":\"1.0\",\"id\":\"event-1\",\"type\":\"order.created.v1\",\"source\":\"/"
                "shop\","
                "\"time\":\"1970-01-01T00:01:00Z\",\"subject\":\"order/42\",\"correlationid\":\"c\","
                "\"traceparent\":\"" TRACE
                "\",\"tracestate\":\"a=1\",\"datacontenttype\":\"application/json\","
                "\"data\":{\"title\": \"Tea\",  \"order_id\": 42}}"));
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_string_equal(envelope.id, "event-1");
        assert_string_equal(envelope.type, "order.created.v1");
        assert_string_equal(envelope.source, "/shop");
        assert_int_equal(envelope.timestamp_s, 60);
        assert_string_equal(envelope.subject, "order/42");
        assert_string_equal(envelope.correlation_id, "c");
        assert_string_equal(envelope.traceparent, TRACE);
        assert_string_equal(envelope.tracestate, "a=1");
        assert_null(envelope.ignored);
        assert_slice(envelope.payload, "{\"order_id\":42,\"title\":\"Tea\"}");
}

#define EVENT(members) "{\"specversion\":\"1.0\",\"id\":\"e\",\"type\":\"a.v1\"" members "}"

static void equal_data_is_the_same_job_however_it_is_written(void **state)
{
        (void)state;
        struct envelope one = read_message(event_message(EVENT(",\"data\":{\"a\":1,\"b\":[2,3]}")));
        struct envelope other = read_message(event_message(EVENT(", \"data\" : {\"b\":[2, 3],\n\"a\":1}")));
        struct envelope different = read_message(event_message(EVENT(",\"data\":{\"a\":1,\"b\":[3,2]}")));
        assert_string_equal(one.fingerprint, other.fingerprint);
        assert_string_not_equal(one.fingerprint, different.fingerprint);
        struct message plain = good_message();
        plain.properties.type = (struct slice)TEXT("a.v1");
        plain.body = (struct slice)TEXT("{\"a\":1,\"b\":[2,3]}");
        assert_string_equal(read_message(plain).fingerprint, one.fingerprint);
}

/* sha256 of a.v1, NUL and {"p":[19.899999999999999,1.0]}, which is what every version made of it. */
static void numbers_of_the_data_keep_their_digits_and_count_by_their_value(void **state)
{
        (void)state;
        struct envelope one = read_message(event_message(EVENT(",\"data\":{\"p\":[19.9,1.0]}")));
        struct envelope other = read_message(event_message(EVENT(",\"data\":{\"p\":[19.90,1.00]}")));
        assert_slice(one.payload, "{\"p\":[19.9,1.0]}");
        assert_slice(other.payload, "{\"p\":[19.90,1.00]}");
        assert_string_equal(one.fingerprint, other.fingerprint);
        assert_string_equal(one.fingerprint,
                            "f05e3eca453178439466cd96d2626f00708c79244eefbd5369d77804b48179fb");
}

static void data_in_base64_is_the_payload_as_it_is(void **state)
{
        (void)state;
        struct envelope envelope = read_message(event_message(EVENT(",\"data_base64\":\"eyJhIjogMX0=\"")));
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_slice(envelope.payload, "{\"a\": 1}");
}

static void faults_of_a_structured_event_name_the_place(void **state)
{
        (void)state;
        static const struct {
                const char *body;
                enum reason reason;
                const char *error;
        } cases[] = {
                {"[]", REASON_BAD_PAYLOAD, "body: expected a JSON object, the CloudEvent"},
                {"{\"specversion\":\"1.0\",\"type\":\"a.v1\",\"data\":1}", REASON_MISSING_ID,
                 "message_id: missing"},
                {"{\"specversion\":\"1.0\",\"id\":null,\"type\":\"a.v1\",\"data\":1}", REASON_MISSING_ID,
                 "message_id: missing"},
                {"{\"specversion\":\"1.0\",\"id\":\"\",\"type\":\"a.v1\",\"data\":1}", REASON_MISSING_ID,
                 "/id: missing"},
                {"{\"specversion\":\"1.0\",\"id\":5,\"type\":\"a.v1\",\"data\":1}", REASON_BAD_ID,
                 "/id: expected text"},
                {"{\"specversion\":\"1.0\",\"id\":\"a\\nb\",\"type\":\"a.v1\",\"data\":1}", REASON_BAD_ID,
                 "/id: expected only A-Z a-z 0-9 . _ : / -, found byte 0x0a at 2"},
                {"{\"specversion\":\"1.0\",\"id\":\"a\",\"data\":1}", REASON_MISSING_TYPE, "type: missing"},
                {"{\"specversion\":\"1.0\",\"id\":\"a\",\"type\":{},\"data\":1}", REASON_UNKNOWN_TYPE,
                 "/type: expected lower-case words joined by dots and a version, as in order.created.v1"},
                {"{\"id\":\"a\",\"type\":\"a.v1\",\"data\":1}", REASON_BAD_PAYLOAD,
                 "/specversion: expected \"1.0\""},
                {"{\"specversion\":1.0,\"id\":\"a\",\"type\":\"a.v1\",\"data\":1}", REASON_BAD_PAYLOAD,
                 "/specversion: expected \"1.0\""},
                {EVENT(""), REASON_BAD_PAYLOAD, "/data: missing"},
                {EVENT(",\"data\":1,\"data_base64\":\"MQ==\""), REASON_BAD_PAYLOAD,
                 "/data_base64: expected only one of data and data_base64"},
                {EVENT(",\"data_base64\":7"), REASON_BAD_PAYLOAD,
                 "/data_base64: expected base64 with padding"},
                {EVENT(",\"data_base64\":\"M\""), REASON_BAD_PAYLOAD,
                 "/data_base64: expected base64 with padding"},
                {EVENT(",\"data_base64\":\"MR==\""), REASON_BAD_PAYLOAD,
                 "/data_base64: expected base64 with padding"},
                {EVENT(",\"data_base64\":\"M===\""), REASON_BAD_PAYLOAD,
                 "/data_base64: expected base64 with padding"},
                {EVENT(",\"data_base64\":\"MQ==MQ==\""), REASON_BAD_PAYLOAD,
                 "/data_base64: expected base64 with padding"},
                {EVENT(",\"data\":\"x\",\"datacontenttype\":\"text/plain\""), REASON_BAD_PAYLOAD,
                 "/datacontenttype: expected application/json, found text/plain"},
                {EVENT(",\"data\":1,\"datacontenttype\":\"application/json; charset=latin1\""),
                 REASON_BAD_PAYLOAD, "/datacontenttype: expected charset utf-8"},
                {EVENT(",\"data\":1,\"datacontenttype\":5"), REASON_BAD_PAYLOAD,
                 "/datacontenttype: expected application/json, found no text"},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct envelope envelope = read_message(event_message(cases[i].body));
                if (!envelope.faults.first || strcmp(envelope.faults.first->text, cases[i].error) != 0)
                        fail_msg("%s: %s", cases[i].body, envelope.error);
                assert_int_equal(envelope.reason, cases[i].reason);
        }
}

static void an_event_that_cannot_be_read_falls_back_to_the_properties(void **state)
{
        (void)state;
        struct message message = event_message("{\"id\":");
        struct envelope envelope = read_message(message);
        assert_int_equal(envelope.reason, REASON_BAD_PAYLOAD);
        assert_int_equal(strncmp(envelope.error, "body: line 1", 12), 0);
        assert_null(envelope.id);
        message.properties.message_id = (struct slice)TEXT("job-1");
        message.properties.type = (struct slice)TEXT("a.v1");
        envelope = read_message(message);
        assert_int_equal(envelope.reason, REASON_BAD_PAYLOAD);
        assert_string_equal(envelope.id, "job-1");
        assert_string_equal(envelope.type, "a.v1");
        message.properties.content_encoding = (struct slice)TEXT("gzip");
        envelope = read_message(message);
        assert_dead(&envelope, REASON_BAD_PAYLOAD, "body: expected gzip, as content_encoding says");
        assert_string_equal(envelope.id, "job-1");
        assert_null(envelope.payload.data);
}

static void the_id_of_an_event_wins_over_the_property(void **state)
{
        (void)state;
        struct message message = event_message(EVENT(",\"data\":{}"));
        message.properties.message_id = (struct slice)TEXT("job-1");
        assert_string_equal(read_message(message).id, "e");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_attributes_of_a_binary_event_win_over_the_properties),
                TEST(a_binary_event_may_leave_the_rest_to_the_properties),
                TEST(the_time_of_a_binary_event_may_be_of_amqp_s_own_type),
                TEST(faults_of_a_binary_event_name_the_header),
                TEST(a_structured_event_is_read_from_its_body),
                TEST(equal_data_is_the_same_job_however_it_is_written),
                TEST(numbers_of_the_data_keep_their_digits_and_count_by_their_value),
                TEST(data_in_base64_is_the_payload_as_it_is),
                TEST(faults_of_a_structured_event_name_the_place),
                TEST(an_event_that_cannot_be_read_falls_back_to_the_properties),
                TEST(the_id_of_an_event_wins_over_the_property),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
