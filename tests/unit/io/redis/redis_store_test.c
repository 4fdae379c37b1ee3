#include "redis_peer.h"

#include "io/machine/clock.h"
#include "io/machine/turn.h"
#include "io/redis/redis_spare.h"
#include "io/redis/redis_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { QUESTIONS = 64, LIMIT_MS = 20000 };

/* What a test waits for on its loop, for a time limit at most. */
struct stage {
        uv_loop_t loop;
        uv_timer_t limit;
        uv_prepare_t turn;
        struct config config;
        char url[64];
        struct peer *peer;
        struct redis_store *store;
        int answers, losses, connections;
        char error[256];
        bool timed_out;
};

static void on_limit(uv_timer_t *timer)
{
        struct stage *stage = timer->data;
        stage->timed_out = true;
        uv_stop(&stage->loop);
}

static void on_turn(uv_prepare_t *prepare)
{
        (void)prepare;
        turn_begin();
}

static void stage_open_to(struct stage *stage, void (*serve)(struct peer *, int, int), void *script)
{
        *stage = (struct stage){.peer = peer_open(serve, script)};
        snprintf(stage->url, sizeof(stage->url), "redis://127.0.0.1:%d/0", stage->peer->port);
        stage->config.redis.url = stage->url;
        stage->config.redis.prefix = "test";
        stage->config.redis.timeout_ms = LIMIT_MS;
        uv_loop_init(&stage->loop);
        uv_timer_init(&stage->loop, &stage->limit);
        stage->limit.data = stage;
        uv_timer_start(&stage->limit, on_limit, LIMIT_MS, 0);
        uv_prepare_init(&stage->loop, &stage->turn);
        uv_prepare_start(&stage->turn, on_turn);
}

static void stage_open(struct stage *stage, struct redis_peer_script *script)
{
        stage_open_to(stage, redis_peer_serve, script);
}

static void stage_close(struct stage *stage)
{
        uv_close((uv_handle_t *)&stage->limit, NULL);
        uv_close((uv_handle_t *)&stage->turn, NULL);
        uv_run(&stage->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&stage->loop), 0);
        peer_close(stage->peer);
        assert_false(stage->timed_out);
}

/* ---- replies ---- */

/* Each makes the turn long, as a plan of a handler does. */
static void on_answer(void *context, bool lost, const struct slice *values, size_t count)
{
        struct stage *stage = context;
        (void)values;
        if (lost)
                return;
        assert_int_equal(count, 1);
        for (int64_t until = clock_thread_cpu_us() + 600; clock_thread_cpu_us() < until;)
                continue;
        if (++stage->answers == QUESTIONS)
                uv_stop(&stage->loop);
}

static void on_up(void *context)
{
        struct stage *stage = context;
        const struct slice command[] = {SLICE_LITERAL("ECHO"), SLICE_LITERAL("OK")};
        for (int i = 0; i < QUESTIONS; i++)
                redis_store_query(stage->store, command, 2, on_answer, stage);
}

static void on_down(void *context, const char *error)
{
        (void)context;
        fail_msg("%s", error);
}

static void replies_that_came_at_once_are_all_given_over_several_turns(void **state)
{
        (void)state;
        static const struct redis_store_events events = {.up = on_up, .down = on_down, .fatal = on_down};
        struct stage stage;
        stage_open(&stage, &(struct redis_peer_script){.gather = QUESTIONS});
        stage.store = redis_store_open(&stage.loop, &stage.config, "worker", &events, &stage);
        uv_run(&stage.loop, UV_RUN_DEFAULT);
        redis_store_close(stage.store);
        stage_close(&stage);
        assert_int_equal(stage.answers, QUESTIONS);
}

/* ---- replicas ---- */

static void on_replicated(void *context, bool lost, const struct slice *values, size_t count)
{
        struct stage *stage = context;
        (void)values, (void)count;
        stage->answers += !lost;
        stage->losses += lost;
        if (stage->answers + stage->losses == QUESTIONS)
                uv_stop(&stage->loop);
}

static void on_up_once(void *context)
{
        struct stage *stage = context;
        const struct slice command[] = {SLICE_LITERAL("ECHO"), SLICE_LITERAL("OK")};
        for (int i = 0; i < QUESTIONS && stage->losses == 0; i++)
                redis_store_query(stage->store, command, 2, on_replicated, stage);
}

static void on_down_noted(void *context, const char *error)
{
        struct stage *stage = context;
        snprintf(stage->error, sizeof stage->error, "%s", error);
}

/* What was said of the end of the connection, "" if it did not end. */
static void replicated(struct stage *stage, const char *acks)
{
        static const struct redis_store_events events = {
                .up = on_up_once, .down = on_down_noted, .fatal = on_down};
        stage_open(stage, &(struct redis_peer_script){.acks = acks});
        stage->config.redis.replicas = 1;
        stage->store = redis_store_open(&stage->loop, &stage->config, "worker", &events, stage);
        uv_run(&stage->loop, UV_RUN_DEFAULT);
        redis_store_close(stage->store);
        stage_close(stage);
}

static void no_answer_counts_before_enough_replicas_have_what_was_written(void **state)
{
        static const char *const too_few[][2] = {
                {":0\r\n", "redis: 0 of 1 replicas have acknowledged"},
                {"-READONLY You can't write against a read only replica.\r\n", "redis: READONLY"},
        };
        struct stage stage;
        (void)state;
        for (int i = 0; i < 2; i++) {
                replicated(&stage, too_few[i][0]);
                assert_int_equal(stage.answers, 0);
                assert_int_equal(stage.losses, QUESTIONS);
                assert_non_null(strstr(stage.error, too_few[i][1]));
        }
        replicated(&stage, ":2\r\n");
        assert_int_equal(stage.answers, QUESTIONS);
        assert_string_equal(stage.error, "");
}

/* ---- troubles ---- */

static const char *const troubles[] = {"-LOADING one\r\n", "-LOADING one\r\n", "-LOADING two\r\n"};

/* Each connection has its own trouble with the first command. */
static void serve_trouble(struct peer *peer, int fd, int connection)
{
        char byte;
        (void)peer;
        if (recv(fd, &byte, 1, 0) == 1)
                peer_write(fd, troubles[connection < 2 ? connection : 2]);
        peer_wait_end(fd);
}

static void keep_troubles(void *context, const char *error)
{
        struct stage *stage = context;
        snprintf(stage->error, sizeof(stage->error), "%s", error);
        if (++stage->losses == 2)
                uv_stop(&stage->loop);
}

static void keep_trouble(void *context, const char *error)
{
        struct stage *stage = context;
        snprintf(stage->error, sizeof(stage->error), "%s", error);
        uv_stop(&stage->loop);
}

static void on_echo(void *context, bool lost, const struct slice *values, size_t count)
{
        struct stage *stage = context;
        (void)values, (void)count;
        stage->answers += !lost;
}

static void ask_once(void *context)
{
        struct stage *stage = context;
        const struct slice command[] = {SLICE_LITERAL("ECHO"), SLICE_LITERAL("OK")};
        redis_store_query(stage->store, command, 2, on_echo, stage);
}

static void one_trouble_is_told_once_and_another_is_told(void **state)
{
        (void)state;
        static const struct redis_store_events events = {
                .up = on_up, .down = keep_troubles, .fatal = keep_troubles};
        struct stage stage;
        stage_open_to(&stage, serve_trouble, NULL);
        stage.store = redis_store_open(&stage.loop, &stage.config, "worker", &events, &stage);
        uv_run(&stage.loop, UV_RUN_DEFAULT);
        redis_store_close(stage.store);
        stage_close(&stage);
        assert_int_equal(stage.losses, 2);
        assert_non_null(strstr(stage.error, "LOADING two"));
}

static void what_nobody_asked_for_ends_the_connection(void **state)
{
        (void)state;
        static const struct redis_store_events events = {
                .up = ask_once, .down = keep_trouble, .fatal = keep_trouble};
        struct stage stage;
        stage_open(&stage, &(struct redis_peer_script){.gather = 1, .unasked = "+OK\r\n"});
        stage.store = redis_store_open(&stage.loop, &stage.config, "worker", &events, &stage);
        uv_run(&stage.loop, UV_RUN_DEFAULT);
        redis_store_close(stage.store);
        stage_close(&stage);
        assert_int_equal(stage.answers, 1);
        assert_non_null(strstr(stage.error, "unexpected reply"));
}

/* ---- the spare connection ---- */

enum { RECONNECTS = 4 };

static void on_changed(void *context, int fd, const char *sha)
{
        struct stage *stage = context;
        (void)sha;
        if (fd >= 0 && ++stage->connections > RECONNECTS)
                uv_stop(&stage->loop);
}

/* Four waits of half a second at most; without the reset they are 4 s at least. */
static void a_spare_connection_that_was_lost_is_made_again_after_the_least_wait(void **state)
{
        (void)state;
        struct stage stage;
        stage_open(&stage, &(struct redis_peer_script){.spare = true});
        int64_t begin_ms = clock_boot_ms();
        struct redis_spare *spare = redis_spare_open(&stage.loop, &stage.config, on_changed, &stage);
        uv_run(&stage.loop, UV_RUN_DEFAULT);
        redis_spare_close(spare);
        stage_close(&stage);
        assert_int_equal(stage.connections, RECONNECTS + 1);
        assert_in_range(clock_boot_ms() - begin_ms, 900, 3600);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(replies_that_came_at_once_are_all_given_over_several_turns),
                cmocka_unit_test(no_answer_counts_before_enough_replicas_have_what_was_written),
                cmocka_unit_test(one_trouble_is_told_once_and_another_is_told),
                cmocka_unit_test(what_nobody_asked_for_ends_the_connection),
                cmocka_unit_test(a_spare_connection_that_was_lost_is_made_again_after_the_least_wait),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
