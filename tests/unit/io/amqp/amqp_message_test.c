#include "io/amqp/amqp_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
        (void)state;
        arena_init(&arena);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

/* What the library would send, read again. */
static struct message there_and_back(const struct message *message)
{
        amqp_basic_properties_t properties;
        struct message read = {0};
        assert_true(amqp_message_write(&arena, message, &properties));
        amqp_message_read(&arena, &read, &properties);
        return read;
}

static bool same(struct slice a, struct slice b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void every_property_arrives(void **state)
{
        (void)state;
        const struct message_properties sent = {
                .content_type = SLICE_LITERAL("application/json"),
                .content_encoding = SLICE_LITERAL("gzip"),
                .correlation_id = SLICE_LITERAL("c-1"),
                .reply_to = SLICE_LITERAL("answers"),
                .expiration = SLICE_LITERAL("5000"),
                .message_id = SLICE_LITERAL("m-1"),
                .type = SLICE_LITERAL("order.created.v1"),
                .user_id = SLICE_LITERAL("shop"),
                .app_id = SLICE_LITERAL("web"),
                .cluster_id = SLICE_LITERAL("eu"),
                .has_delivery_mode = true,
                .has_priority = true,
                .has_timestamp = true,
                .delivery_mode = 2,
                .priority = 7,
                .timestamp = 1700000000,
        };
        struct message read = there_and_back(&(struct message){.properties = sent});
        const struct message_properties *got = &read.properties;
        assert_true(same(got->content_type, sent.content_type));
        assert_true(same(got->content_encoding, sent.content_encoding));
        assert_true(same(got->correlation_id, sent.correlation_id));
        assert_true(same(got->reply_to, sent.reply_to));
        assert_true(same(got->expiration, sent.expiration));
        assert_true(same(got->message_id, sent.message_id));
        assert_true(same(got->type, sent.type));
        assert_true(same(got->user_id, sent.user_id));
        assert_true(same(got->app_id, sent.app_id));
        assert_true(same(got->cluster_id, sent.cluster_id));
        assert_true(got->has_delivery_mode && got->has_priority && got->has_timestamp);
        assert_int_equal(got->delivery_mode, 2);
        assert_int_equal(got->priority, 7);
        assert_int_equal(got->timestamp, 1700000000);
}

static void what_is_absent_stays_absent(void **state)
{
        (void)state;
        struct message read = there_and_back(&(struct message){0});
        assert_null(read.properties.message_id.data);
        assert_null(read.properties.app_id.data);
        assert_false(read.properties.has_delivery_mode || read.properties.has_priority ||
                     read.properties.has_timestamp);
        assert_int_equal(read.properties.header_count, 0);
        amqp_basic_properties_t properties;
        assert_true(amqp_message_write(&arena, &(struct message){0}, &properties));
        assert_int_equal(properties._flags, 0);
}

static void headers_arrive_with_their_kinds(void **state)
{
        (void)state;
        struct header headers[] = {
                {.name = SLICE_LITERAL("text"), .tag = HEADER_STRING, .text = SLICE_LITERAL("value")},
                {.name = SLICE_LITERAL("no"), .tag = HEADER_VOID},
        };
        for (size_t count = 1; count <= 2; count++) {
                struct message read = there_and_back(
                        &(struct message){.properties = {.headers = headers, .header_count = count}});
                assert_int_equal(read.properties.header_count, count);
                assert_true(same(message_header_text(&read, "text"), headers[0].text));
                if (count == 2)
                        assert_int_equal(message_header(&read, "no")->tag, HEADER_VOID);
        }
}

/* Short strings have one byte for their length (AMQP 0-9-1 section 4.2.5.3). */
static void what_no_frame_can_say_is_refused_to_the_byte(void **state)
{
        (void)state;
        static char text[256];
        memset(text, 'x', sizeof(text));
        amqp_basic_properties_t properties;
        for (size_t len = 254; len <= 256; len++) {
                struct slice name = {.data = text, .len = len};
                bool fits = len <= 255;
                struct message of_id = {.properties = {.message_id = name}};
                assert_int_equal(amqp_message_write(&arena, &of_id, &properties), fits);
                assert_int_equal(amqp_message_write(&arena, &(struct message){.exchange = name}, &properties),
                                 fits);
                assert_int_equal(
                        amqp_message_write(&arena, &(struct message){.routing_key = name}, &properties),
                        fits);
                struct header named = {.name = name, .tag = HEADER_VOID};
                struct message of_header = {.properties = {.headers = &named, .header_count = 1}};
                assert_int_equal(amqp_message_write(&arena, &of_header, &properties), fits);
        }
        struct message unusable = {.properties = {.headers_unusable = true}};
        assert_false(amqp_message_write(&arena, &unusable, &properties));
}

static bool is_written(struct header *headers, size_t count, amqp_basic_properties_t *to)
{
        return amqp_message_write(
                &arena, &(struct message){.properties = {.headers = headers, .header_count = count}}, to);
}

static bool is_read(const amqp_basic_properties_t *from)
{
        struct message read = {0};
        amqp_message_read(&arena, &read, from);
        return !read.properties.headers_unusable;
}

/* What we do not know cannot be copied faithfully. */
static void a_header_of_an_unknown_kind_is_unusable(void **state)
{
        (void)state;
        struct header header = {.name = SLICE_LITERAL("n"), .tag = HEADER_VOID};
        amqp_basic_properties_t properties;
        assert_true(is_written(&header, 1, &properties));
        properties.headers.entries[0].value.kind = 'z';
        assert_false(is_read(&properties));
        properties._flags = 0;
        assert_true(is_read(&properties));
        header.tag = (enum header_tag)'z';
        assert_false(is_written(&header, 1, &properties));
}

/* A copy has leveret's own headers besides. */
static void headers_are_so_many_at_most(void **state)
{
        (void)state;
        static struct header headers[HEADER_COUNT_MAX + 65];
        amqp_basic_properties_t properties;
        for (size_t i = 0; i < HEADER_COUNT_MAX + 65; i++)
                headers[i] = (struct header){.name = SLICE_LITERAL("n"), .tag = HEADER_VOID};
        for (size_t count = HEADER_COUNT_MAX; count <= HEADER_COUNT_MAX + 64; count++) {
                assert_true(is_written(headers, count, &properties));
                assert_int_equal(is_read(&properties), count == HEADER_COUNT_MAX);
        }
        assert_false(is_written(headers, HEADER_COUNT_MAX + 65, &properties));
        struct header array = {.tag = HEADER_ARRAY, .nested = {headers, HEADER_COUNT_MAX - 1}};
        assert_true(is_written(&array, 1, &properties));
        assert_true(is_read(&properties));
        array.nested.count++;
        assert_true(is_written(&array, 1, &properties));
        assert_false(is_read(&properties));
        array.nested.count += 63;
        assert_true(is_written(&array, 1, &properties));
        array.nested.count++;
        assert_false(is_written(&array, 1, &properties));
}

static void headers_are_so_deep_at_most(void **state)
{
        (void)state;
        for (int kind = 0; kind < 2; kind++) {
                enum header_tag tag = kind ? HEADER_TABLE : HEADER_ARRAY;
                struct header headers[HEADER_DEPTH_MAX + 1] = {[HEADER_DEPTH_MAX] = {.tag = HEADER_VOID}};
                amqp_basic_properties_t properties;
                for (int i = 0; i < HEADER_DEPTH_MAX; i++)
                        headers[i] = (struct header){.tag = tag, .nested = {&headers[i + 1], 1}};
                assert_false(is_written(headers, 1, &properties));
                assert_true(is_written(headers + 1, 1, &properties));
                assert_true(is_read(&properties));
                amqp_table_entry_t around = {
                        .value = {.kind = AMQP_FIELD_KIND_TABLE, .value.table = properties.headers}};
                properties.headers = (amqp_table_t){.num_entries = 1, .entries = &around};
                assert_false(is_read(&properties));
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(every_property_arrives),
                TEST(what_is_absent_stays_absent),
                TEST(headers_arrive_with_their_kinds),
                TEST(what_no_frame_can_say_is_refused_to_the_byte),
                TEST(a_header_of_an_unknown_kind_is_unusable),
                TEST(headers_are_so_many_at_most),
                TEST(headers_are_so_deep_at_most),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
