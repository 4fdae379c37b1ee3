#ifndef LEVERET_TESTS_COPIES_H
#define LEVERET_TESTS_COPIES_H

/* What the tests of the copies share: a message, the facts of a job, and looks at a copy. */

#include "core/message/copy.h"

#include "core/message/envelope.h"
#include "core/message/own_headers.h"
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

static const struct config_queue queue = {
        .name = "work", .tiers = {"5s", "30s"}, .tiers_ms = {5000, 30000}, .tier_count = 2};

static const struct copy_facts facts = {
        .queue = "work",
        .worker = "host-1",
        .generation = {.redrives = 1, .attempt = 2, .deferrals = 3},
        .first_seen_ms = 1000,
        .failed_at_ms = 2000,
        .reason = REASON_PERMANENT_FAILURE,
        .error = "smtp 550: no such user",
        .dead_id = "0123456789abcdef0123456789abcdef",
};

static inline struct message plain_message(void)
{
        return (struct message){
                .properties = {.message_id = TEXT("job-1"), .type = TEXT("a.v1")},
                .exchange = TEXT("leveret.in"),
                .routing_key = TEXT("a.v1"),
                .body = TEXT("{}"),
                .body_size = 2,
        };
}

static inline struct message with_headers(struct header *headers, size_t count)
{
        struct message message = plain_message();
        message.properties.headers = headers;
        message.properties.header_count = count;
        return message;
}
#define WITH_HEADERS(list) with_headers(list, sizeof(list) / sizeof(*(list)))

static inline void assert_slice(struct slice slice, const char *text)
{
        assert_non_null(slice.data);
        assert_int_equal(slice.len, strlen(text));
        assert_memory_equal(slice.data, text, slice.len);
}

static inline void assert_text(const struct message *message, const char *name, const char *text)
{
        assert_slice(message_header_text(message, name), text);
}

static inline void assert_no_header(const struct message *message, const char *name)
{
        if (message_header(message, name))
                fail_msg("%s is there", name);
}

static inline struct message *retry(struct message original)
{
        struct message *copy = copy_retry(&arena, &original, &facts, &queue, 1);
        assert_non_null(copy);
        return copy;
}

/* The copy as the broker delivers it from the delay tier. */
static inline struct message returned(const struct message *copy)
{
        struct message message = *copy;
        message.exchange = (struct slice)TEXT("leveret.return");
        message.routing_key = (struct slice)TEXT("work");
        return message;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
