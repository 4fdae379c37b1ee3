#ifndef LEVERET_TESTS_ENVELOPE_READ_H
#define LEVERET_TESTS_ENVELOPE_READ_H

/* Message in, envelope out: what the tests of the envelope are made of. */

#include "core/message/envelope.h"
#include "core/text/plain_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TEXT(value) SLICE_LITERAL(value)
#define HEADER(header_name, value)                                                                           \
        {                                                                                                    \
                .name = SLICE_LITERAL(header_name), .tag = HEADER_STRING, .text = SLICE_LITERAL(value)       \
        }
#define HEADERS(...)                                                                                         \
        .headers = (struct header[]){__VA_ARGS__},                                                           \
        .header_count = sizeof((struct header[]){__VA_ARGS__}) / sizeof(struct header)

enum { MAX_BODY = 1000 };

static struct arena arena; /* lives for one test */

static inline int begin(void **state)
{
        (void)state;
        arena_init(&arena);
        return 0;
}

static inline int end(void **state)
{
        (void)state;
        arena_fini(&arena);
        return 0;
}

static inline struct envelope read_message(struct message message)
{
        struct envelope envelope;
        if (message.body_size == 0)
                message.body_size = message.body.len;
        envelope_read(&arena, &message, NULL, MAX_BODY, &envelope);
        assert_int_equal(envelope.reason == REASON_NONE, envelope.error == NULL);
        if (envelope.error) {
                assert_true(strlen(envelope.error) <= ERROR_TEXT_MAX);
                assert_true(plain_text_is(slice_of(envelope.error), ERROR_TEXT_MAX));
        }
        assert_int_equal(strlen(envelope.fingerprint), 64);
        return envelope;
}

static inline struct message good_message(void)
{
        return (struct message){
                .properties = {.message_id = TEXT("job-1"), .type = TEXT("order.created.v1")},
                .exchange = TEXT("leveret.in"),
                .routing_key = TEXT("order.created.v1"),
                .body = TEXT("{\"order_id\":42}"),
        };
}

static inline void assert_slice(struct slice slice, const char *text)
{
        assert_int_equal(slice.len, strlen(text));
        assert_memory_equal(slice.data, text, slice.len);
}

static inline void assert_dead(const struct envelope *envelope, enum reason reason, const char *error)
{
        assert_string_equal(reason_word(envelope->reason), reason_word(reason));
        assert_string_equal(envelope->error, error);
}

static inline struct envelope read_with_header(struct header header)
{
        struct message message = good_message();
        message.properties.headers = &header;
        message.properties.header_count = 1;
        return read_message(message);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
