#include "io/machine/clock.h"
#include "io/redis/redis_quick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* When Redis' clock is asked, and what is told of the claims that counted on it. */

enum { SERVER = 1700000000 };

static struct config config = {.claim.lease_ms = 60000, .redis.prefix = "test"};

/* A node whose clock was asked `ago_ms` ago; less than 0: never. */
static struct redis_store node(int64_t ago_ms)
{
        struct redis_store store = {.config = &config, .connection.restores = true};
        int64_t asked_ms = clock_boot_ms() - ago_ms;
        if (ago_ms >= 0)
                server_clock_told(&store.clock, asked_ms, asked_ms, SERVER + asked_ms);
        redis_crc_init(&store.connection.crc);
        return store;
}

static void node_end(struct redis_store *store)
{
        buffer_fini(&store->out);
        buffer_fini(&store->key);
        buffer_fini(&store->dump);
        free(store->ring.requests);
        free(store->written.requests);
}

static size_t asked(struct redis_store *store)
{
        size_t before = store->ring.count;
        redis_quick_ask_clock(store);
        return store->ring.count - before;
}

static void the_clock_is_asked_when_it_is_not_known_or_not_any_more(void **state)
{
        (void)state;
        static const struct {
                int64_t ago_ms;
                size_t asked;
        } cases[] = {{-1, 1}, {0, 0}, {SERVER_CLOCK_KEEP_MS / 2, 0}, {SERVER_CLOCK_KEEP_MS + 1000, 1}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct redis_store store = node(cases[i].ago_ms);
                assert_int_equal(asked(&store), cases[i].asked);
                node_end(&store);
        }
}

static void a_server_that_takes_no_records_is_not_asked(void **state)
{
        (void)state;
        struct redis_store store = node(-1);
        store.connection.restores = false;
        assert_int_equal(asked(&store), 0);
        node_end(&store);
}

static void keep_result(void *context, const struct store_result *result)
{
        *(struct store_result *)context = *result;
}

static bool claim(struct redis_store *store, struct store_result *result)
{
        return redis_quick_claim(store, &(struct store_identity){.id = SLICE_LITERAL("1")},
                                 &(struct store_claim){0},
                                 (struct request){.kind = REQUEST_CLAIM,
                                                  .done = keep_result,
                                                  .context = result,
                                                  .sent_ms = clock_boot_ms()});
}

/* A claim and the TIME behind it, answered by a clock that was set by `step_ms` meanwhile. */
static struct store_result claimed(int64_t step_ms)
{
        struct redis_store store = node(0);
        struct store_result result = {.lost = true};
        assert_true(claim(&store, &result));
        assert_int_equal(asked(&store), 1);
        assert_int_equal(asked(&store), 0);
        char said[] = "OK", micros[] = "0";
        redisReply ok = {.type = REDIS_REPLY_STATUS, .str = said, .len = 2};
        assert_true(redis_quick_answer(&store, &ok));
        assert_true(result.lost); /* nobody was told yet */
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%lld", (long long)(SERVER + clock_boot_ms() + step_ms) / 1000);
        redisReply parts[2] = {{.type = REDIS_REPLY_STRING, .str = seconds, .len = strlen(seconds)},
                               {.type = REDIS_REPLY_STRING, .str = micros, .len = 1}};
        redis_quick_clock_told(&store, &(redisReply){.type = REDIS_REPLY_ARRAY,
                                                     .elements = 2,
                                                     .element = (redisReply *[]){&parts[0], &parts[1]}});
        node_end(&store);
        return result;
}

static void a_claim_is_told_once_the_clock_has_answered(void **state)
{
        (void)state;
        struct store_result result = claimed(0);
        assert_true(!result.lost && !result.known && result.claim == CLAIM_NEW && result.starts == 1);
        assert_in_range(result.created_ms, SERVER, SERVER + clock_boot_ms() + 1);
}

static void a_claim_is_to_be_asked_for_again_if_the_clock_was_set(void **state)
{
        (void)state;
        struct store_result result = claimed(3600000);
        assert_true(!result.lost && result.known);
}

static void a_clock_that_is_not_known_any_more_is_no_ground_for_a_claim(void **state)
{
        (void)state;
        struct redis_store store = node(SERVER_CLOCK_KEEP_MS + 1000);
        struct store_result result = {0};
        assert_false(claim(&store, &result));
        assert_int_equal(store.out.len, 0);
        node_end(&store);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_clock_is_asked_when_it_is_not_known_or_not_any_more),
                cmocka_unit_test(a_server_that_takes_no_records_is_not_asked),
                cmocka_unit_test(a_claim_is_told_once_the_clock_has_answered),
                cmocka_unit_test(a_claim_is_to_be_asked_for_again_if_the_clock_was_set),
                cmocka_unit_test(a_clock_that_is_not_known_any_more_is_no_ground_for_a_claim),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
