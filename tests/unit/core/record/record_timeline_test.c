#include "core/record/record_timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FIELDS_MAX = 20 };

/* Of what HGETALL gives, as "name", "value", .., NULL. */
static struct record_timeline told_by(struct arena *arena, const char *const *texts)
{
        struct slice fields[FIELDS_MAX];
        size_t count = 0;
        for (; texts[count]; count++)
                fields[count] = slice_of(texts[count]);
        return record_timeline(arena, &(struct record_fields){fields, count});
}

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_running_job_was_claimed(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        struct record_timeline told =
                told_by(&arena, FIELDS("state", "running", "worker", "w\"1", "started_ms", "1700000000000"));
        assert_int_equal(told.count, 1);
        assert_int_equal(told.list[0].at_ms, INT64_C(1700000000000));
        assert_string_equal(
                told.list[0].entry,
                "{\"ts\":1700000000000,\"worker\":\"w\\\"1\",\"event\":\"claim\",\"answer\":\"new\","
                "\"attempt\":0,\"deferrals\":0,\"redrives\":0}");
        arena_fini(&arena);
}

static void a_completed_one_sent_its_effect(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        struct record_timeline told =
                told_by(&arena, FIELDS("state", "completed", "worker", "w", "started_ms", "1700000000000",
                                       "finished_ms", "1700000000042", "effect.customer", "re_\n1"));
        assert_int_equal(told.count, 2);
        assert_int_equal(told.list[1].at_ms, INT64_C(1700000000042));
        assert_string_equal(
                told.list[1].entry,
                "{\"ts\":1700000000042,\"worker\":\"w\",\"event\":\"completed\",\"effect\":\"customer\","
                "\"outlet\":\"mail\",\"outcome\":\"sent\",\"provider_id\":\"re_\\n1\"}");
        told = told_by(&arena, FIELDS("state", "completed", "worker", "w", "started_ms", "1700000000000",
                                      "finished_ms", "1700000000042", "effect.a", "1", "outlet.a", "fast"));
        assert_non_null(strstr(told.list[1].entry, "\"effect\":\"a\",\"outlet\":\"fast\""));
        arena_fini(&arena);
}

static void a_record_whose_timeline_is_a_list_tells_none(void **state)
{
        (void)state;
        struct arena arena;
        arena_init(&arena);
        assert_int_equal(told_by(&arena, FIELDS("state", "running", "worker", "w", "started_ms",
                                                "1700000000000", "lease_ms", "60000"))
                                 .count,
                         0);
        assert_int_equal(told_by(&arena, FIELDS("state", "queued", "type", "t.v1", "created_ms", "17")).count,
                         0);
        assert_int_equal(
                told_by(&arena, FIELDS("state", "running", "worker", "w", "started_ms", "1,\"a\":")).count,
                0);
        assert_int_equal(record_timeline(&arena, &(struct record_fields){0}).count, 0);
        arena_fini(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_running_job_was_claimed),
                cmocka_unit_test(a_completed_one_sent_its_effect),
                cmocka_unit_test(a_record_whose_timeline_is_a_list_tells_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
