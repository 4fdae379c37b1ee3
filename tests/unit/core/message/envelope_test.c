#include "envelope_read.h"

#include "core/text/utf8.h"

#include <stdio.h>

/* ---- Properties
 * -------------------------------------------------------------------------------------------------- */

#define DEAD_ID "0123456789abcdef0123456789abcdef"

static void a_plain_message_is_read_from_its_properties(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.correlation_id = (struct slice)TEXT("corr");
        message.properties.app_id = (struct slice)TEXT("shop");
        message.properties.has_timestamp = true;
        message.properties.timestamp = 1795245320;
        struct envelope envelope = read_message(message);
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_string_equal(envelope.id, "job-1");
        assert_string_equal(envelope.type, "order.created.v1");
        assert_string_equal(envelope.correlation_id, "corr");
        assert_string_equal(envelope.source, "shop");
        assert_true(envelope.has_timestamp);
        assert_int_equal(envelope.timestamp_s, 1795245320);
        assert_slice(envelope.payload, "{\"order_id\":42}");
        assert_null(envelope.subject);
        assert_string_equal(envelope.traceparent, "");
        assert_false(envelope.has_deadline);
        assert_int_equal(envelope.first_seen_ms, -1);
        assert_null(envelope.dead_id);
        assert_null(envelope.ignored);
}

static char long_id[ENVELOPE_ID_MAX + 56];

static void hostile_ids_are_refused_and_never_used(void **state)
{
        (void)state;
        memset(long_id, 'a', sizeof(long_id));
        static const struct {
                struct slice id;
                enum reason reason;
        } cases[] = {
                {{.data = NULL}, REASON_MISSING_ID},
                {TEXT(""), REASON_MISSING_ID},
                {TEXT("a\r\nDEL job"), REASON_BAD_ID},
                {TEXT("a\n"), REASON_BAD_ID},
                {TEXT("*"), REASON_BAD_ID},
                {TEXT("a b"), REASON_BAD_ID},
                {TEXT(" a"), REASON_BAD_ID},
                {TEXT("{a}"), REASON_BAD_ID},
                {TEXT("a\0b"), REASON_BAD_ID},
                {TEXT("\0"), REASON_BAD_ID},
                {TEXT("b\xc3\xbcro"), REASON_BAD_ID},
                {TEXT("\xff\xfe"), REASON_BAD_ID},
                {TEXT("a\"b"), REASON_BAD_ID},
                {TEXT("a@b"), REASON_BAD_ID},
                {TEXT("a%20"), REASON_BAD_ID},
                {TEXT("a\\b"), REASON_BAD_ID},
                {{.data = long_id, .len = ENVELOPE_ID_MAX + 1}, REASON_BAD_ID},
                {{.data = long_id, .len = 255}, REASON_BAD_ID},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct message message = good_message();
                message.properties.message_id = cases[i].id;
                struct envelope envelope = read_message(message);
                assert_string_equal(reason_word(envelope.reason), reason_word(cases[i].reason));
                assert_null(envelope.id);
                assert_int_equal(strncmp(envelope.error, "message_id: ", 12), 0);
        }
}

static void ids_of_all_allowed_characters_and_lengths_pass(void **state)
{
        (void)state;
        memset(long_id, 'a', sizeof(long_id));
        const struct slice ids[] = {TEXT("a"),
                                    TEXT("550e8400-e29b-41d4-a716-446655440000"),
                                    TEXT("order/42:created.v1_X-9"),
                                    TEXT("..."),
                                    {.data = long_id, .len = ENVELOPE_ID_MAX}};
        for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
                struct message message = good_message();
                message.properties.message_id = ids[i];
                struct envelope envelope = read_message(message);
                assert_int_equal(envelope.reason, REASON_NONE);
                assert_slice(ids[i], envelope.id);
        }
}

static void the_error_says_which_byte_of_an_id_is_wrong(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.message_id = (struct slice)TEXT("ab\rc");
        struct envelope envelope = read_message(message);
        assert_dead(&envelope, REASON_BAD_ID,
                    "message_id: expected only A-Z a-z 0-9 . _ : / -, found byte 0x0d at 3");
}

static void a_missing_type_and_a_malformed_one_are_told_apart(void **state)
{
        (void)state;
        static const struct {
                struct slice type;
                enum reason reason;
        } cases[] = {
                {{.data = NULL}, REASON_MISSING_TYPE},
                {TEXT(""), REASON_MISSING_TYPE},
                {TEXT("v1"), REASON_UNKNOWN_TYPE},
                {TEXT("order.created"), REASON_UNKNOWN_TYPE},
                {TEXT("order.created.v"), REASON_UNKNOWN_TYPE},
                {TEXT("order..v1"), REASON_UNKNOWN_TYPE},
                {TEXT(".order.v1"), REASON_UNKNOWN_TYPE},
                {TEXT("order.v1."), REASON_UNKNOWN_TYPE},
                {TEXT("Order.created.v1"), REASON_UNKNOWN_TYPE},
                {TEXT("order-created.v1"), REASON_UNKNOWN_TYPE},
                {TEXT("order.v1\n"), REASON_UNKNOWN_TYPE},
                {TEXT("order.v1\0"), REASON_UNKNOWN_TYPE},
                {TEXT("order.v1x"), REASON_UNKNOWN_TYPE},
                {TEXT("a.v1"), REASON_NONE},
                {TEXT("a_b.c2.v12"), REASON_NONE},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct message message = good_message();
                message.properties.type = cases[i].type;
                struct envelope envelope = read_message(message);
                assert_string_equal(reason_word(envelope.reason), reason_word(cases[i].reason));
                assert_int_equal(envelope.type == NULL, cases[i].reason != REASON_NONE);
                assert_string_equal(envelope.id, "job-1");
        }
}

static void a_body_over_the_limit_is_too_large_and_keeps_its_id(void **state)
{
        (void)state;
        static char body[MAX_BODY + 1];
        memset(body, ' ', sizeof(body));
        struct message message = good_message();
        message.body = (struct slice){.data = body, .len = MAX_BODY};
        assert_int_equal(read_message(message).reason, REASON_NONE);
        message.body.len++;
        struct envelope envelope = read_message(message);
        assert_dead(&envelope, REASON_TOO_LARGE, "body: expected at most 1000 bytes, found 1001");
        assert_string_equal(envelope.id, "job-1");
        assert_null(envelope.payload.data);
}

static void a_body_that_was_not_kept_is_too_large(void **state)
{
        (void)state;
        struct message message = good_message();
        message.body = (struct slice){0};
        message.body_size = 100 * 1024 * 1024;
        struct envelope envelope = read_message(message);
        assert_dead(&envelope, REASON_TOO_LARGE, "body: expected at most 1000 bytes, found 104857600");
}

static void an_empty_body_is_left_to_the_json_parser(void **state)
{
        (void)state;
        struct message message = good_message();
        message.body = (struct slice){0};
        struct envelope envelope = read_message(message);
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_non_null(envelope.payload.data);
        assert_int_equal(envelope.payload.len, 0);
}

/* printf '{"order_id":42}' | gzip -n */
static const char packed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\xca\x2f\x4a\x49\x2d\x8a"
                             "\xcf\x4c\x51\xb2\x32\x31\xaa\x05\x00\x10\xc7\x69\x0e\x0f\x00\x00\x00";

static void a_packed_body_is_the_same_job_as_a_plain_one(void **state)
{
        (void)state;
        struct message message = good_message();
        struct envelope plain = read_message(message);
        message.body = (struct slice)TEXT(packed);
        message.properties.content_encoding = (struct slice)TEXT("gzip");
        struct envelope envelope = read_message(message);
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_slice(envelope.payload, "{\"order_id\":42}");
        assert_string_equal(envelope.fingerprint, plain.fingerprint);
}

static void a_body_that_grows_over_the_limit_is_too_large(void **state)
{
        (void)state;
        struct message message = good_message();
        struct envelope envelope;
        message.body = (struct slice)TEXT(packed);
        message.body_size = message.body.len;
        message.properties.content_encoding = (struct slice)TEXT("gzip");
        message.body.len = message.body_size = sizeof(packed) - 1;
        envelope_read(&arena, &message, NULL, (int64_t)sizeof(packed) - 1, &envelope);
        assert_int_equal(envelope.reason, REASON_NONE);
        static char zeros[] =
                "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x63\x60\x18\x05\xa3\x60\x14\x0c"
                "\x7b\x00\x00\xba\x67\xbc\x3f\xe9\x03\x00\x00"; /* head -c 1001 /dev/zero | gzip -n */
        message.body = (struct slice){.data = zeros, .len = sizeof(zeros) - 1};
        message.body_size = message.body.len;
        envelope = read_message(message);
        assert_dead(&envelope, REASON_TOO_LARGE, "body: expected at most 1000 bytes when unpacked");
}

static void the_fingerprint_is_the_hash_of_type_and_payload(void **state)
{
        (void)state;
        /* printf 'order.created.v1\0{"order_id":42}' | sha256sum */
        assert_string_equal(read_message(good_message()).fingerprint,
                            "b4793587c3dc4fe1537c759f03109e5768267dc8ceb1c1aee9199f885fdd61b9");
        struct message message = good_message();
        message.properties.type = (struct slice)TEXT("order.created.v2");
        assert_string_not_equal(read_message(message).fingerprint,
                                "b4793587c3dc4fe1537c759f03109e5768267dc8ceb1c1aee9199f885fdd61b9");
        message = good_message();
        message.body = (struct slice)TEXT("{\"order_id\":43}");
        assert_string_not_equal(read_message(message).fingerprint,
                                "b4793587c3dc4fe1537c759f03109e5768267dc8ceb1c1aee9199f885fdd61b9");
}

static void the_first_fault_in_the_order_of_the_contract_counts(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties = (struct message_properties){
                .content_type = TEXT("text/plain"),
                .content_encoding = TEXT("br"),
                HEADERS(HEADER("deadline", "soon")),
        };
        message.body_size = MAX_BODY + 1;
        static const enum reason order[] = {
                REASON_MISSING_ID, REASON_MISSING_TYPE, REASON_BAD_PAYLOAD, REASON_UNSUPPORTED_ENCODING,
                REASON_TOO_LARGE,  REASON_BAD_PAYLOAD,  REASON_NONE};
        for (size_t mended = 0; mended < sizeof(order) / sizeof(*order); mended++) {
                struct message present = message;
                struct message_properties *properties = &present.properties;
                if (mended > 0)
                        properties->message_id = (struct slice)TEXT("a");
                if (mended > 1)
                        properties->type = (struct slice)TEXT("a.v1");
                if (mended > 2)
                        properties->content_type = (struct slice){0};
                if (mended > 3)
                        properties->content_encoding = (struct slice){0};
                if (mended > 4)
                        present.body_size = present.body.len;
                if (mended > 5)
                        properties->header_count = 0;
                assert_string_equal(reason_word(read_message(present).reason), reason_word(order[mended]));
        }
}

static void headers_that_cannot_be_taken_apart_kill_the_message(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.headers_unusable = true;
        struct envelope envelope = read_message(message);
        assert_dead(&envelope, REASON_BAD_PAYLOAD, "headers: expected at most 1024, nested at most 32 deep");
        assert_string_equal(envelope.id, "job-1");
}

static void a_timestamp_in_milliseconds_is_not_taken_for_seconds(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.has_timestamp = true;
        message.properties.timestamp = 1795245320123;
        assert_false(read_message(message).has_timestamp);
        message.properties.timestamp = UINT64_MAX;
        assert_false(read_message(message).has_timestamp);
}

/* Nor does a mail of the year 1970 or 9999 help anybody. */
static void a_timestamp_that_cannot_be_true_does_not_count(void **state)
{
        (void)state;
        const int64_t seen_ms = 1795245320000, day_s = 86400, year_2000_s = 946684800;
        const struct {
                int64_t timestamp_s, since_ms;
        } rows[] = {
                {seen_ms / 1000 - 1, seen_ms - 1000},
                {seen_ms / 1000 + day_s, seen_ms + day_s * 1000},
                {seen_ms / 1000 + day_s + 1, 0},
                {253402300799, 0},
                {year_2000_s, year_2000_s * 1000},
                {year_2000_s - 1, 0},
                {0, 0},
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                struct message message = good_message();
                message.properties.has_timestamp = true;
                message.properties.timestamp = (uint64_t)rows[i].timestamp_s;
                struct envelope envelope = read_message(message);
                assert_int_equal(envelope_since_ms(&envelope, seen_ms), rows[i].since_ms);
        }
}

/* ---- Headers
 * ----------------------------------------------------------------------------------------------------- */

static void a_deadline_passes(void **state)
{
        (void)state;
        struct envelope envelope =
                read_with_header((struct header)HEADER("deadline", "1970-01-01T00:01:00Z"));
        assert_true(envelope.has_deadline);
        assert_int_equal(envelope.deadline_ms, 60000);
        assert_false(envelope_expired(&envelope, 60000));
        assert_true(envelope_expired(&envelope, 60001));
        envelope = read_with_header(
                (struct header){.name = TEXT("deadline"), .tag = HEADER_TIMESTAMP, .unsigned_ = 60});
        assert_int_equal(envelope.deadline_ms, 60000);
        envelope = read_message(good_message());
        assert_false(envelope_expired(&envelope, INT64_MAX));
}

static void a_message_for_later_counts_from_its_time(void **state)
{
        (void)state;
        struct envelope envelope =
                read_with_header((struct header)HEADER("deliver-at", "1970-01-01T01:01:00.250+01:00"));
        assert_int_equal(envelope.deliver_at_ms, 60250);
        assert_int_equal(envelope_since_ms(&envelope, 0), 60250);
        assert_false(envelope_too_far(&envelope, 0));
        envelope = read_with_header(
                (struct header){.name = TEXT("deliver-at"), .tag = HEADER_TIMESTAMP, .unsigned_ = 34560001});
        assert_true(envelope_too_far(&envelope, 0));
        assert_false(envelope_too_far(&envelope, 1000));
        envelope = read_with_header((struct header){.name = TEXT("deliver-at"), .tag = HEADER_VOID});
        assert_int_equal(envelope.deliver_at_ms, 0);
        assert_int_equal(envelope.reason, REASON_NONE);
}

static void a_malformed_time_for_later_is_not_ignored(void **state)
{
        (void)state;
        const struct header bad[] = {
                HEADER("deliver-at", "tomorrow"),
                HEADER("deliver-at", ""),
                HEADER("deliver-at", "2026-12-24T09:00:00"),
                {.name = TEXT("deliver-at"), .tag = HEADER_I64, .integer = 60},
        };
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                struct envelope envelope = read_with_header(bad[i]);
                assert_dead(&envelope, REASON_BAD_PAYLOAD,
                            "header deliver-at: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z");
        }
}

static void a_malformed_deadline_is_not_ignored(void **state)
{
        (void)state;
        const struct header bad[] = {
                HEADER("deadline", "tomorrow"),
                HEADER("deadline", ""),
                {.name = TEXT("deadline"), .tag = HEADER_I64, .integer = 60},
                {.name = TEXT("deadline"), .tag = HEADER_TIMESTAMP, .unsigned_ = UINT64_MAX},
        };
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                struct envelope envelope = read_with_header(bad[i]);
                assert_dead(&envelope, REASON_BAD_PAYLOAD,
                            "header deadline: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z");
                assert_false(envelope_expired(&envelope, INT64_MAX));
        }
}

static void a_subject_is_kept_or_ignored_but_never_changed(void **state)
{
        (void)state;
        struct envelope envelope = read_with_header((struct header)HEADER("subject", "order/42 \xc3\xbc"));
        assert_string_equal(envelope.subject, "order/42 \xc3\xbc");
        static char text[ENVELOPE_SUBJECT_MAX + 1];
        memset(text, 's', sizeof(text));
        const struct slice bad[] = {TEXT("a\nb"),
                                    TEXT("a\0b"),
                                    TEXT("\xff"),
                                    TEXT("\xc2\x85"),
                                    {.data = text, .len = sizeof(text)}};
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
                envelope = read_with_header(
                        (struct header){.name = TEXT("subject"), .tag = HEADER_STRING, .text = bad[i]});
                assert_int_equal(envelope.reason, REASON_NONE);
                assert_null(envelope.subject);
                assert_string_equal(envelope.ignored, "header subject");
        }
}

static void control_characters_never_leave_the_envelope(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.correlation_id = (struct slice)TEXT("a\r\nb\x1b[0m\0\xff\xc2\x9bz\xc3\xbc");
        assert_string_equal(read_message(message).correlation_id, "a??b?[0m????z\xc3\xbc");
}

static struct message returned_message(struct slice exchange)
{
        static struct header headers[] = {
                {.name = TEXT("x-leveret-attempt"), .tag = HEADER_I64, .integer = 3},
                {.name = TEXT("x-leveret-deferrals"), .tag = HEADER_I32, .integer = 4},
                {.name = TEXT("x-leveret-redrives"), .tag = HEADER_U8, .unsigned_ = 5},
                HEADER("x-leveret-first-seen", "1970-01-01T00:00:07Z"),
                HEADER("x-leveret-dead-id", DEAD_ID),
        };
        struct message message = good_message();
        message.properties.headers = headers;
        message.properties.header_count = sizeof(headers) / sizeof(*headers);
        message.exchange = exchange;
        return message;
}

static void own_headers_are_believed_on_the_return_exchange(void **state)
{
        (void)state;
        struct envelope envelope = read_message(returned_message((struct slice)TEXT("leveret.return")));
        assert_int_equal(envelope.generation.attempt, 3);
        assert_int_equal(envelope.generation.deferrals, 4);
        assert_int_equal(envelope.generation.redrives, 5);
        assert_int_equal(envelope.first_seen_ms, 7000);
        assert_string_equal(envelope.dead_id, DEAD_ID);
        assert_false(envelope.outside);
}

static void own_headers_of_anybody_else_are_not_believed(void **state)
{
        (void)state;
        static const struct slice exchanges[] = {TEXT("leveret.in"),    TEXT(""),
                                                 TEXT("leveret.dlx"),   TEXT("leveret.return2"),
                                                 TEXT("leveret.retur"), {.data = NULL}};
        for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
                struct envelope envelope = read_message(returned_message(exchanges[i]));
                assert_int_equal(envelope.generation.attempt, 0);
                assert_int_equal(envelope.generation.deferrals, 0);
                assert_int_equal(envelope.generation.redrives, 0);
                assert_int_equal(envelope.first_seen_ms, -1);
                assert_true(envelope.outside);
                /* It proves something only together with the record, so it is read whoever sent it. */
                assert_string_equal(envelope.dead_id, DEAD_ID);
        }
}

static void a_dead_id_that_is_none_is_not_read(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789ABCDEF",
                "0123456789abcdef 123456789abcdef", "0123456789abcdef0123456789abcdef0"};
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
                struct header headers[] = {{.name = TEXT("x-leveret-dead-id"),
                                            .tag = HEADER_STRING,
                                            .text = slice_of(texts[i])}};
                struct message message = good_message();
                message.properties.headers = headers;
                message.properties.header_count = 1;
                assert_null(read_message(message).dead_id);
        }
}

static void absurd_counts_are_capped(void **state)
{
        (void)state;
        struct message message = good_message();
        struct header headers[] = {
                {.name = TEXT("x-leveret-attempt"), .tag = HEADER_I64, .integer = INT64_MAX},
                {.name = TEXT("x-leveret-deferrals"), .tag = HEADER_I64, .integer = -1},
                HEADER("x-leveret-redrives", "7"),
        };
        message.properties.headers = headers;
        message.properties.header_count = 3;
        message.exchange = (struct slice)TEXT("leveret.return");
        struct envelope envelope = read_message(message);
        assert_int_equal(envelope.generation.attempt, INT32_MAX);
        assert_int_equal(envelope.generation.deferrals, 0);
        assert_int_equal(envelope.generation.redrives, 0);
}

static void all_faults_are_told_and_the_first_one_is_the_reason(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.type = (struct slice)TEXT("Order");
        message.properties.content_encoding = (struct slice)TEXT("br");
        message.properties.headers = &(struct header)HEADER("deadline", "soon");
        message.properties.header_count = 1;
        struct envelope envelope = read_message(message);
        assert_dead(&envelope, REASON_UNKNOWN_TYPE,
                    "type: expected lower-case words joined by dots and a version, as in order.created.v1; "
                    "content_encoding: expected gzip or none, found br; header deadline: expected a time of "
                    "RFC 3339, "
                    "as in "
                    "2030-01-31T12:00:00Z");
        message.properties.message_id = (struct slice){0};
        envelope = read_message(message);
        assert_int_equal(envelope.faults.count, 4);
        assert_non_null(strstr(envelope.error, "; and 1 more"));
}

static void a_missing_id_says_what_is_meant_and_what_was_found(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.message_id = (struct slice){0};
        struct envelope envelope = read_message(message);
        assert_dead(
                &envelope, REASON_MISSING_ID,
                "message_id: missing: it is a property of AMQP (pika message_id=, amqplib messageId:, Java "
                "messageId())");
        message.body = (struct slice)TEXT("{\"id\":\"a\"}");
        envelope = read_message(message);
        assert_non_null(strstr(envelope.error, "messageId()), but /id of the body was found"));
        message.properties.headers = &(struct header)HEADER("Message-Id", "a");
        message.properties.header_count = 1;
        envelope = read_message(message);
        assert_non_null(strstr(envelope.error, "messageId()), but a header message-id was found"));
}

static void a_missing_type_says_what_was_found(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.type = (struct slice){0};
        struct envelope envelope = read_message(message);
        assert_dead(&envelope, REASON_MISSING_TYPE,
                    "type: missing: it is a property of AMQP (pika type=, amqplib type:, Java type()), but "
                    "the routing "
                    "key order.created.v1 was found");
}

static void an_event_under_another_content_type_is_told(void **state)
{
        static const struct {
                struct slice content_type;
                const char *says;
        } cases[] = {{TEXT("text/plain"), "text/plain"},
                     {TEXT("application/json"), "application/json"},
                     {{0}, "nothing"}};
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                struct message message = {
                        .properties = {.content_type = cases[i].content_type},
                        .body = TEXT("{\"specversion\":\"1.0\",\"id\":\"a\",\"type\":\"a.v1\",\"data\":{}}"),
                };
                struct envelope envelope = read_message(message);
                char expected[ERROR_TEXT_MAX];
                snprintf(expected, sizeof(expected),
                         "message_id: missing; type: missing; content_type: the body is a CloudEvent, but "
                         "content_type says %s; expected application/cloudevents+json",
                         cases[i].says);
                assert_dead(&envelope, REASON_MISSING_ID, expected);
        }
}

static void another_content_type_is_repeated_safely(void **state)
{
        (void)state;
        struct message message = good_message();
        message.properties.content_type = (struct slice)TEXT("text/\x1b[31mplain");
        struct envelope envelope = read_message(message);
        assert_dead(&envelope, REASON_BAD_PAYLOAD,
                    "content_type: expected application/json or application/cloudevents+json, found "
                    "text/?[31mplain");
}

static void the_caller_may_add_a_fault(void **state)
{
        (void)state;
        struct envelope envelope = read_message(good_message());
        envelope_refuse(&arena, &envelope, REASON_UNKNOWN_TYPE, "type: no handler for %s\n", envelope.type);
        assert_dead(&envelope, REASON_UNKNOWN_TYPE, "type: no handler for order.created.v1?");
        envelope_refuse(&arena, &envelope, REASON_EXPIRED, "late");
        assert_dead(&envelope, REASON_UNKNOWN_TYPE, "type: no handler for order.created.v1?; late");
}

static void an_error_is_cut_between_characters(void **state)
{
        (void)state;
        struct envelope envelope = {0};
        char text[301];
        for (size_t i = 0; i < 300; i += 3)
                memcpy(text + i, "\xe2\x82\xac", 3);
        text[300] = '\0';
        envelope_refuse(&arena, &envelope, REASON_REJECTED, "%s", text);
        assert_int_equal(strlen(envelope.error), 255);
        assert_true(utf8_valid(envelope.error, 255));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_plain_message_is_read_from_its_properties),
                TEST(hostile_ids_are_refused_and_never_used),
                TEST(ids_of_all_allowed_characters_and_lengths_pass),
                TEST(the_error_says_which_byte_of_an_id_is_wrong),
                TEST(a_missing_type_and_a_malformed_one_are_told_apart),
                TEST(a_body_over_the_limit_is_too_large_and_keeps_its_id),
                TEST(a_body_that_was_not_kept_is_too_large),
                TEST(an_empty_body_is_left_to_the_json_parser),
                TEST(a_packed_body_is_the_same_job_as_a_plain_one),
                TEST(a_body_that_grows_over_the_limit_is_too_large),
                TEST(the_fingerprint_is_the_hash_of_type_and_payload),
                TEST(the_first_fault_in_the_order_of_the_contract_counts),
                TEST(headers_that_cannot_be_taken_apart_kill_the_message),
                TEST(a_timestamp_in_milliseconds_is_not_taken_for_seconds),
                TEST(a_timestamp_that_cannot_be_true_does_not_count),
                TEST(a_deadline_passes),
                TEST(a_message_for_later_counts_from_its_time),
                TEST(a_malformed_time_for_later_is_not_ignored),
                TEST(a_malformed_deadline_is_not_ignored),
                TEST(a_subject_is_kept_or_ignored_but_never_changed),
                TEST(control_characters_never_leave_the_envelope),
                TEST(own_headers_are_believed_on_the_return_exchange),
                TEST(own_headers_of_anybody_else_are_not_believed),
                TEST(a_dead_id_that_is_none_is_not_read),
                TEST(absurd_counts_are_capped),
                TEST(all_faults_are_told_and_the_first_one_is_the_reason),
                TEST(a_missing_id_says_what_is_meant_and_what_was_found),
                TEST(a_missing_type_says_what_was_found),
                TEST(an_event_under_another_content_type_is_told),
                TEST(another_content_type_is_repeated_safely),
                TEST(the_caller_may_add_a_fault),
                TEST(an_error_is_cut_between_characters),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
