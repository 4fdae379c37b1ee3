#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/broker/topology.h"
#include "core/message/envelope.h"
#include "core/message/foreign.h"

static struct arena arena;
static struct config_queue queue;
static struct envelope envelope;

static int set_up(void **state)
{
        (void)state;
        arena_init(&arena);
        queue = (struct config_queue){.name = "shop"};
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static struct header text_header(const char *name, const char *text)
{
        return (struct header){.name = slice_of(name), .tag = HEADER_STRING, .text = slice_of(text)};
}

static void read_with(struct message message, const char *body)
{
        message.body = slice_of(body);
        message.body_size = message.body.len;
        envelope_read(&arena, &message, &queue, 4096, &envelope);
}

static void read_body(const char *body)
{
        read_with((struct message){.routing_key = SLICE_LITERAL("order.created.v1")}, body);
}

static void sources(const char *id, const char *type)
{
        queue.message.id = (struct config_texts){.list = {id}, .count = 1};
        queue.message.type = (struct config_texts){.list = {type}, .count = 1};
}

static void assert_read(const char *id, const char *type, const char *payload)
{
        assert_null(envelope.error);
        assert_string_equal(envelope.id, id);
        assert_string_equal(envelope.type, type);
        assert_int_equal(envelope.payload.len, strlen(payload));
        assert_memory_equal(envelope.payload.data, payload, envelope.payload.len);
}

static void id_type_and_data_are_where_the_mapping_says(void **state)
{
        (void)state;
        sources("/head/id", "routing_key");
        queue.message.data = "/data/0";
        read_body("{\"head\":{\"id\":42},\"data\":[{\"b\":1,\"a\":2}]}");
        assert_read("shop/42", "order.created.v1", "{\"a\":2,\"b\":1}");
        queue.message.has_id_prefix = true;
        read_body("{\"head\":{\"id\":\"x\"},\"data\":[{}]}");
        assert_read("x", "order.created.v1", "{}");
}

static void a_number_of_the_data_keeps_its_digits_and_counts_by_its_value(void **state)
{
        char first[SHA256_HEX_SIZE];
        (void)state;
        sources("/id", "=order.created.v1");
        queue.message.data = "/data";
        read_body("{\"id\":1,\"data\":{\"price\":19.90}}");
        assert_read("shop/1", "order.created.v1", "{\"price\":19.90}");
        memcpy(first, envelope.fingerprint, sizeof(first));
        read_body("{\"id\":1,\"data\":{\"price\":19.9}}");
        assert_read("shop/1", "order.created.v1", "{\"price\":19.9}");
        assert_string_equal(envelope.fingerprint, first);
}

static void the_first_source_that_is_there_counts(void **state)
{
        (void)state;
        queue.message.id = (struct config_texts){.list = {"message_id", "header:id", "/id"}, .count = 3};
        queue.message.type = (struct config_texts){.list = {"=order.created.v1"}, .count = 1};
        struct header header = {.name = SLICE_LITERAL("id"), .tag = HEADER_I32, .integer = 7};
        struct message message = {.properties = {.headers = &header, .header_count = 1}};
        read_with(message, "{\"id\":8}");
        assert_read("shop/7", "order.created.v1", "{\"id\":8}");
        message.properties.message_id = SLICE_LITERAL("six");
        read_with(message, "{\"id\":8}");
        assert_read("shop/six", "order.created.v1", "{\"id\":8}");
        read_body("{\"id\":8}");
        assert_read("shop/8", "order.created.v1", "{\"id\":8}");
}

static void equal_contents_have_one_id(void **state)
{
        (void)state;
        sources("content", "=order.created.v1");
        read_body("{\"a\":1}");
        const char *first = envelope.id;
        assert_int_equal(strlen(first), strlen("shop/") + 64);
        read_body("{\"a\":1}");
        assert_string_equal(envelope.id, first);
        read_body("{\"a\":2}");
        assert_string_not_equal(envelope.id, first);
}

static void an_id_of_other_letters_is_hashed_and_kept(void **state)
{
        (void)state;
        sources("/id", "=order.created.v1");
        read_body("{\"id\":\"a b\"}");
        assert_memory_equal(envelope.id, "shop/h:", 7);
        assert_int_equal(strlen(envelope.id), 7 + 64);
        assert_string_equal(envelope.source_id, "a b");
}

static void types_are_found_by_their_names_and_by_what_the_framework_leaves_out(void **state)
{
        (void)state;
        queue.message.preset = FOREIGN_MASSTRANSIT;
        queue.message.types = (struct config_texts){.list = {"Shop:Order\norder.created.v1"}, .count = 1};
        read_body("{\"messageId\":\"m\",\"messageType\":[\"urn:message:Shop:Order\"],\"message\":{\"a\":1}}");
        assert_read("shop/m", "order.created.v1", "{\"a\":1}");
        read_body("{\"messageId\":\"m\",\"messageType\":[\"urn:message:Shop:Lost\"],\"message\":{}}");
        assert_int_equal(envelope.reason, REASON_UNKNOWN_TYPE);
        assert_string_equal(envelope.error,
                            "/messageType: Shop:Lost is not in message.types of the queue, as "
                            "{Shop:Lost: NAME.v1}");
}

/* The nearest is first: the class, what it inherits, its interfaces. */
static void of_several_types_the_first_that_is_known_counts(void **state)
{
        (void)state;
        queue.message.preset = FOREIGN_MASSTRANSIT;
        queue.message.types = (struct config_texts){
                .list = {"Shop:Order\norder.created.v1", "Shop:Event\nevent.v1"}, .count = 2};
        read_body("{\"messageId\":\"m\",\"message\":{},\"messageType\":"
                  "[\"urn:message:Shop:New\",7,\"urn:message:Shop:Order\",\"urn:message:Shop:Event\"]}");
        assert_read("shop/m", "order.created.v1", "{}");
        read_body("{\"messageId\":\"m\",\"message\":{},\"messageType\":[]}");
        assert_int_equal(envelope.reason, REASON_MISSING_TYPE);

        queue.message.type = (struct config_texts){.list = {"header:MT-MessageType"}, .count = 1};
        queue.message.data = "";
        struct header header = text_header("MT-MessageType", "urn:message:Shop:New;urn:message:Shop:Order");
        struct message message = {.properties = {.headers = &header, .header_count = 1}};
        message.properties.message_id = SLICE_LITERAL("m");
        read_with(message, "{\"a\":1}");
        assert_read("shop/m", "order.created.v1", "{\"a\":1}");
        header = text_header("MT-MessageType", "urn:message:Shop:New;urn:message:Shop:Lost");
        read_with(message, "{}");
        assert_string_equal(envelope.error,
                            "header:MT-MessageType: Shop:New is not in message.types of the queue, "
                            "as {Shop:New: NAME.v1}");

        queue.message = (struct config_message){.preset = FOREIGN_NSERVICEBUS};
        queue.message.types = (struct config_texts){.list = {"Shop.IEvent\nevent.v1"}, .count = 1};
        header = text_header("NServiceBus.EnclosedMessageTypes",
                             "Shop.Order, Shop, Version=1.0.0.0;Shop.IEvent, Shop, Version=1.0.0.0");
        read_with(message, "{}");
        assert_read("shop/m", "event.v1", "{}");
}

static void what_is_missing_is_told_with_the_places(void **state)
{
        (void)state;
        queue.message.preset = FOREIGN_LARAVEL;
        read_body("{}");
        assert_int_equal(envelope.reason, REASON_MISSING_ID);
        assert_string_equal(envelope.error, "id: missing; looked at /uuid, /id; type: missing; looked at "
                                            "/data/commandName, /displayName, /job; /data: missing");
        read_body("a:1:{}");
        assert_int_equal(envelope.reason, REASON_BAD_PAYLOAD);
        assert_memory_equal(envelope.error, "body: expected JSON, found no content type", 42);
}

static void a_body_that_is_no_json_is_called_by_what_it_looks_like(void **state)
{
        (void)state;
        struct message message = {.properties = {.content_type = SLICE_LITERAL("application/json")}};
        queue.message.preset = FOREIGN_CELERY;
        read_with(message, "\x78\x9c[[]");
        assert_string_equal(
                envelope.error,
                "body: expected JSON, found application/json: line 1, column 2: not UTF-8, it looks "
                "like zlib (deflate); set task_serializer = 'json', without task_compression");
        read_with(message, "{\"id\":\"a\",\"task\":\"order.created.v1\"}");
        assert_string_equal(envelope.error, "/1, /kwargs: missing");
}

static void a_body_that_was_not_unpacked_is_not_called_empty(void **state)
{
        (void)state;
        struct message message = {.properties = {.content_type = SLICE_LITERAL("application/json"),
                                                 .content_encoding = SLICE_LITERAL("UTF-16")}};
        queue.message.preset = FOREIGN_SPRING;
        read_with(message, "{}");
        assert_int_equal(envelope.reason, REASON_UNSUPPORTED_ENCODING);
        assert_string_equal(envelope.error, "content_encoding: expected gzip or none, found UTF-16");
        message.properties.content_type = SLICE_LITERAL("application/x-java-serialized-object");
        read_with(message, "{}");
        assert_string_equal(
                envelope.error,
                "content_encoding: expected gzip or none, found UTF-16; body: expected JSON, found "
                "application/x-java-serialized-object; use the "
                "Jackson2JsonMessageConverter");
}

static void a_copy_that_comes_back_keeps_its_id_and_its_first_routing_key(void **state)
{
        (void)state;
        sources("/id", "routing_key");
        struct header headers[] = {text_header("x-leveret-id", "shop/1:e1"),
                                   text_header("x-leveret-routing-key", "order.created.v1")};
        struct message message = {.exchange = SLICE_LITERAL(EXCHANGE_RETURN),
                                  .routing_key = SLICE_LITERAL("shop"),
                                  .properties = {.headers = headers, .header_count = 2}};
        read_with(message, "{\"id\":1}");
        assert_read("shop/1:e1", "order.created.v1", "{\"id\":1}");
        message.exchange = SLICE_LITERAL("amq.topic"); /* anybody can write such headers */
        message.routing_key = SLICE_LITERAL("order.created.v2");
        read_with(message, "{\"id\":1}");
        assert_read("shop/1", "order.created.v2", "{\"id\":1}");
}

static void sources_are_known_by_their_form(void **state)
{
        (void)state;
        assert_true(foreign_source_valid("message_id", true));
        assert_true(foreign_source_valid("header:a", false));
        assert_true(foreign_source_valid("/a~1b", false));
        assert_true(foreign_source_valid("content", true));
        assert_true(foreign_source_valid("=order.created.v1", false));
        assert_false(foreign_source_valid("content", false));
        assert_false(foreign_source_valid("=order", false));
        assert_false(foreign_source_valid("=order.created.v1", true));
        assert_false(foreign_source_valid("/a~", false));
        assert_false(foreign_source_valid("header:", false));
        assert_false(foreign_source_valid("messageid", true));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(id_type_and_data_are_where_the_mapping_says),
                TEST(a_number_of_the_data_keeps_its_digits_and_counts_by_its_value),
                TEST(the_first_source_that_is_there_counts),
                TEST(equal_contents_have_one_id),
                TEST(an_id_of_other_letters_is_hashed_and_kept),
                TEST(types_are_found_by_their_names_and_by_what_the_framework_leaves_out),
                TEST(of_several_types_the_first_that_is_known_counts),
                TEST(what_is_missing_is_told_with_the_places),
                TEST(a_body_that_is_no_json_is_called_by_what_it_looks_like),
                TEST(a_body_that_was_not_unpacked_is_not_called_empty),
                TEST(a_copy_that_comes_back_keeps_its_id_and_its_first_routing_key),
                TEST(sources_are_known_by_their_form),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
