/* What earlier versions left on the wire (tests/golden, written by them) is read as they meant it. Names of
 * headers are written out: they are theirs, whatever this version calls its own. */
#include "envelope_read.h"

#include "core/broker/topology.h"
#include "core/message/own_headers.h"
#include "io/amqp/amqp_wire.h"

#include <glob.h>
#include <jansson.h>
#include <stdlib.h>

enum { BASIC_CLASS = 60, BEFORE_PROPERTIES = 12 };

static json_t *cases_load(const char *path)
{
        json_error_t error;
        json_t *cases = json_load_file(path, 0, &error);
        if (!cases)
                fail_msg("%s:%d: %s", path, error.line, error.text);
        return cases;
}

static const char *text_of(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name));
}

static struct slice unhex(const char *hex)
{
        size_t len = strlen(hex) / 2;
        unsigned char *bytes = arena_alloc(&arena, len);
        for (size_t i = 0; i < len; i++)
                assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &bytes[i]), 1);
        return (struct slice){.data = (const char *)bytes, .len = len};
}

/* A content header off the wire, taken apart as the worker does it. */
static struct message message_of(const json_t *copy, amqp_pool_t *pool)
{
        struct slice header = unhex(text_of(copy, "header"));
        amqp_bytes_t encoded = bytes_of_slice(header);
        encoded.bytes = (char *)encoded.bytes + BEFORE_PROPERTIES;
        encoded.len -= BEFORE_PROPERTIES;
        void *decoded = NULL;
        assert_int_equal(amqp_decode_properties(BASIC_CLASS, pool, encoded, &decoded), AMQP_STATUS_OK);
        struct message message = {.exchange = slice_of(text_of(copy, "exchange")),
                                  .routing_key = slice_of(text_of(copy, "routing_key"))};
        amqp_message_read(&arena, &message, decoded);
        assert_false(message.properties.headers_unusable);
        return message;
}

static void assert_said(struct slice read, const json_t *headers, const char *name)
{
        const char *said = text_of(headers, name);
        if (!said)
                assert_null(read.data);
        else
                assert_slice(read, said);
}

static void assert_number(int64_t read, const json_t *headers, const char *name)
{
        assert_true(json_is_integer(json_object_get(headers, name)));
        assert_int_equal(read, json_integer_value(json_object_get(headers, name)));
}

static void check_own_headers(const struct own_headers *own, const json_t *headers)
{
        assert_true(own->believed);
        assert_number(own->generation.redrives, headers, "x-leveret-redrives");
        assert_number(own->generation.attempt, headers, "x-leveret-attempt");
        assert_number(own->generation.deferrals, headers, "x-leveret-deferrals");
        assert_said(own->reason, headers, "x-leveret-reason");
        assert_said(own->error, headers, "x-leveret-error");
        assert_said(own->worker, headers, "x-leveret-worker");
        assert_said(own->queue, headers, "x-leveret-queue");
        assert_said(own->exchange, headers, "x-leveret-exchange");
        assert_said(own->routing_key, headers, "x-leveret-routing-key");
        assert_said(own->dead_id, headers, "x-leveret-dead-id");
        assert_int_equal(own->first_seen_ms > 0, text_of(headers, "x-leveret-first-seen") != NULL);
        assert_int_equal(own->failed_at_ms > 0, text_of(headers, "x-leveret-failed-at") != NULL);
}

/* A copy that came back from its tier, or was redriven: it goes on where it was. */
static void check_returned(struct message message, const json_t *golden, const json_t *headers)
{
        message.exchange = slice_of(EXCHANGE_RETURN);
        struct own_headers own;
        own_headers_read(&message, &own);
        check_own_headers(&own, headers);
        struct envelope envelope = read_message(message);
        assert_int_equal(envelope.reason, REASON_NONE);
        assert_string_equal(envelope.id, text_of(golden, "id"));
        assert_string_equal(envelope.type, text_of(json_object_get(golden, "record"), "type"));
        assert_string_equal(envelope.fingerprint, text_of(json_object_get(golden, "record"), "fingerprint"));
        assert_number(envelope.generation.attempt, headers, "x-leveret-attempt");
        if (text_of(headers, "subject"))
                assert_string_equal(envelope.subject, text_of(headers, "subject"));
}

static void check_dead(const struct message *message, const json_t *headers)
{
        struct own_headers own;
        own_headers_read_dead(message, &own);
        check_own_headers(&own, headers);
}

static void check_copy(const json_t *golden, const json_t *copy, size_t *returned, size_t *dead)
{
        amqp_pool_t pool;
        init_amqp_pool(&pool, 4096);
        struct message message = message_of(copy, &pool);
        const json_t *properties = json_object_get(copy, "properties");
        const json_t *headers = json_object_get(properties, "headers");
        message.body = slice_of(text_of(copy, "body"));
        message.body_size = message.body.len;
        assert_said(message.properties.message_id, properties, "message_id");
        assert_said(message.properties.type, properties, "type");
        assert_said(message.properties.correlation_id, properties, "correlation_id");
        assert_int_equal(message.properties.header_count, json_object_size(headers));
        if (slice_is(message.exchange, EXCHANGE_DLX)) {
                check_dead(&message, headers);
                (*dead)++;
        } else if (!slice_is(message.exchange, EXCHANGE_IN)) {
                check_returned(message, golden, headers);
                (*returned)++;
        }
        empty_amqp_pool(&pool);
}

static void copies_of_earlier_versions_are_read_as_they_were_meant(void **state)
{
        (void)state;
        glob_t files;
        size_t returned = 0, dead = 0;
        assert_int_equal(glob(LEVERET_SOURCE_DIR "/tests/golden/*.json", 0, NULL, &files), 0);
        for (size_t i = 0; i < files.gl_pathc; i++) {
                json_t *cases = cases_load(files.gl_pathv[i]), *golden, *copy;
                const char *name;
                size_t number;
                json_object_foreach(cases, name, golden)
                {
                        json_array_foreach(json_object_get(golden, "copies"), number, copy)
                        {
                                check_copy(golden, copy, &returned, &dead);
                        }
                }
                json_decref(cases);
        }
        assert_true(returned >= 3 && dead >= 4);
        globfree(&files);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(copies_of_earlier_versions_are_read_as_they_were_meant, begin,
                                                end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
