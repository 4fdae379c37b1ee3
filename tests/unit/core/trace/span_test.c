#include "core/codec/json.h"
#include "core/trace/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define ID "00f067aa0ba902b7"

static const struct span_resource resource = {.service = "mails",
                                              .instance = "host-1",
                                              .version = "9.9",
                                              .more = (const char *const[]){"env\ntest"},
                                              .more_count = 1};

static struct span span_sample(void)
{
        struct span span = {.trace = TRACE,
                            .id = ID,
                            .parent = "1111111111111111",
                            .remote = true,
                            .flags = 1,
                            .kind = SPAN_CONSUMER,
                            .start_ns = 1700000000000000001,
                            .end_ns = 1700000000000000002,
                            .verb = "receive",
                            .object = SLICE_LITERAL("work")};
        span_add_text(&span, "a", "x");
        span_add_text(&span, "nothing", "");
        span_add_text(&span, "none", NULL);
        span_add_number(&span, "n", -9007199254740993);
        return span;
}

/* The request as text, through a packed copy. */
static void request_write(struct buffer *out, const struct span *span)
{
        size_t bytes;
        struct span *packed = span_pack(span, &bytes);
        assert_true(bytes < sizeof(*span) + 6000);
        span_request_begin(out, &resource);
        span_request_add(out, packed, true);
        span_request_add(out, packed, false);
        span_request_end(out);
        free(packed);
}

static void a_request_is_written_as_otlp_has_it(void **state)
{
        (void)state;
        struct buffer out = {0};
        struct span span = span_sample();
        request_write(&out, &span);
#define SPAN                                                                                                 \
        "{\"traceId\":\"" TRACE "\",\"spanId\":\"" ID                                                        \
        "\",\"parentSpanId\":\"1111111111111111\",\"flags\":769,"                                            \
        "\"name\":\"receive work\",\"kind\":5,\"startTimeUnixNano\":\"1700000000000000001\","                \
        "\"endTimeUnixNano\":\"1700000000000000002\",\"attributes\":[{\"key\":\"a\",\"value\":"              \
        "{\"stringValue\":\"x\"}},{\"key\":\"n\",\"value\":{\"intValue\":\"-9007199254740993\"}}]}"
        assert_string_equal(
                out.data,
                "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
                "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"mails\"}},"
                "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"host-1\"}},"
                "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"9.9\"}},"
                "{\"key\":\"env\",\"value\":{\"stringValue\":\"test\"}}]},\"scopeSpans\":[{\"scope\":"
                "{\"name\":\"leveret\",\"version\":\"9.9\"},\"spans\":[" SPAN "," SPAN "]}]}]}");
        buffer_fini(&out);
}

static void a_failure_is_a_status_without_addresses(void **state)
{
        (void)state;
        struct buffer out = {0};
        struct span span = span_sample();
        span.parent[0] = '\0';
        span.remote = false;
        span.failed = true;
        span.error = SLICE_LITERAL("550 <ada@example.com>\x1b[2J unknown");
        request_write(&out, &span);
        assert_non_null(strstr(out.data, "\"flags\":257"));
        assert_null(strstr(out.data, "parentSpanId"));
        assert_non_null(strstr(
                out.data, ",\"status\":{\"code\":2,\"message\":\"550 <a***@example.com>?[2J unknown\"}"));
        buffer_fini(&out);
}

static void long_texts_are_cut_where_a_character_ends(void **state)
{
        (void)state;
        char text[3000], error[JSON_CAUSE_MAX];
        for (size_t i = 0; i + 2 < sizeof(text); i += 2)
                memcpy(text + i, "\xc3\xa4", 3);
        struct buffer out = {0};
        struct span span = span_sample();
        span.object = slice_of(text);
        for (int i = 0; i < 2 * SPAN_ATTRIBUTES_MAX; i++)
                span_add_text(&span, "many", text);
        span.failed = true;
        span.error = slice_of(text);
        request_write(&out, &span);
        assert_true(out.len < 2 * (SPAN_ATTRIBUTES_MAX + 4) * 320);
        json_t *root = json_parse((struct slice){.data = out.data, .len = out.len}, error);
        assert_non_null(root);
        json_decref(root);
        buffer_fini(&out);
}

static void ids_and_contexts(void **state)
{
        (void)state;
        char id[SPAN_ID_SIZE], trace[TRACE_ID_SIZE], context[TRACEPARENT_SIZE];
        unsigned flags;
        span_id_write(id, 0);
        assert_string_equal(id, "0000000000000001");
        span_id_write(id, UINT64_C(0xfedcba9876543210));
        assert_string_equal(id, "fedcba9876543210");
        span_context_write(context, TRACE, id, 1);
        assert_string_equal(context, "00-" TRACE "-fedcba9876543210-01");
        span_context_read("00-" TRACE "-" ID "-a3", trace, id, &flags);
        assert_string_equal(trace, TRACE);
        assert_string_equal(id, ID);
        assert_int_equal(flags, 0xa3);
}

static void roots_are_the_same_for_all_tries_and_kept_by_their_share(void **state)
{
        (void)state;
        char one[TRACE_ID_SIZE], other[TRACE_ID_SIZE];
        span_root_trace(one, "leveret", "a");
        span_root_trace(other, "leveret", "a");
        assert_string_equal(one, other);
        span_root_trace(other, "leveretx", "a");
        assert_string_not_equal(one, other);
        int kept = 0;
        for (int i = 0; i < 10000; i++) {
                char job[16];
                snprintf(job, sizeof(job), "job-%d", i);
                span_root_trace(one, "leveret", job);
                assert_true(span_root_is_sampled(one, 100));
                assert_false(span_root_is_sampled(one, 0));
                kept += span_root_is_sampled(one, 20);
                assert_true(!span_root_is_sampled(one, 20) || span_root_is_sampled(one, 21));
        }
        assert_in_range(kept, 1850, 2150);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_request_is_written_as_otlp_has_it),
                cmocka_unit_test(a_failure_is_a_status_without_addresses),
                cmocka_unit_test(long_texts_are_cut_where_a_character_ends),
                cmocka_unit_test(ids_and_contexts),
                cmocka_unit_test(roots_are_the_same_for_all_tries_and_kept_by_their_share),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
