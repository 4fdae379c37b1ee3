#include "io/admin/loop_ask.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LONG_MS = 20000, SHORT_MS = 20 };

/* The loop is turned by the test itself; the asker has a thread. */
struct scene {
        uv_loop_t loop;
        uv_timer_t
                wake; /* keeps a turn from lasting for ever, and the loop from having nothing to turn for */
        struct loop_ask *ask;
        uv_thread_t asker;
        int64_t limit_ms;
        int question;
        _Atomic enum loop_ask_end end;
        _Atomic bool ended;
        uv_sem_t gave_up; /* the answer waits for it, if `slow` */
        bool slow;
        int answers, drops;
};

static void answer(void *context, void *question)
{
        struct scene *scene = context;
        scene->answers++;
        if (scene->slow)
                uv_sem_wait(&scene->gave_up);
        *(int *)question += 1;
}

static void drop(void *context, void *question)
{
        struct scene *scene = context;
        (void)question;
        scene->drops++;
}

static const struct loop_ask_events events = {.answer = answer, .drop = drop};

static void run_asker(void *context)
{
        struct scene *scene = context;
        scene->end = loop_ask(scene->ask, &scene->question, scene->limit_ms);
        scene->ended = true;
        uv_sem_post(&scene->gave_up);
}

static void on_wake(uv_timer_t *timer)
{
        (void)timer;
}

static struct scene *scene_open(void)
{
        struct scene *scene = calloc(1, sizeof *scene);
        uv_loop_init(&scene->loop);
        uv_timer_init(&scene->loop, &scene->wake);
        uv_timer_start(&scene->wake, on_wake, 1, 1);
        uv_sem_init(&scene->gave_up, 0);
        scene->ask = loop_ask_open(&scene->loop, sizeof(int), &events, scene);
        return scene;
}

static void scene_ask(struct scene *scene, int question, int64_t limit_ms)
{
        scene->question = question;
        scene->limit_ms = limit_ms;
        scene->ended = false;
        uv_thread_create(&scene->asker, run_asker, scene);
}

static void scene_close(struct scene *scene)
{
        loop_ask_shut(scene->ask);
        loop_ask_close(scene->ask);
        uv_close((uv_handle_t *)&scene->wake, NULL);
        uv_run(&scene->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&scene->loop), 0);
        uv_sem_destroy(&scene->gave_up);
        free(scene);
}

static void turn_until_ended(struct scene *scene)
{
        while (!scene->ended)
                uv_run(&scene->loop, UV_RUN_ONCE);
        uv_thread_join(&scene->asker);
}

static void the_loop_answers(void **state)
{
        (void)state;
        struct scene *scene = scene_open();
        for (int i = 0; i < 3; i++) {
                scene_ask(scene, 41, LONG_MS);
                turn_until_ended(scene);
                assert_int_equal(scene->end, LOOP_ANSWERED);
                assert_int_equal(scene->question, 42);
        }
        assert_int_equal(scene->answers, 3);
        assert_int_equal(scene->drops, 0);
        scene_close(scene);
}

static void a_loop_that_does_not_turn_is_silent_and_later_answers_again(void **state)
{
        (void)state;
        struct scene *scene = scene_open();
        scene_ask(scene, 41, SHORT_MS);
        uv_thread_join(&scene->asker);
        assert_int_equal(scene->end, LOOP_SILENT);
        assert_int_equal(scene->question, 41);
        uv_run(&scene->loop, UV_RUN_NOWAIT); /* nobody waits any more: not answered */
        assert_int_equal(scene->answers, 0);
        scene_ask(scene, 7, LONG_MS);
        turn_until_ended(scene);
        assert_int_equal(scene->end, LOOP_ANSWERED);
        assert_int_equal(scene->question, 8);
        scene_close(scene);
}

static void while_one_question_is_open_the_next_fails_at_once(void **state)
{
        (void)state;
        struct scene *scene = scene_open();
        scene_ask(scene, 41, SHORT_MS);
        uv_thread_join(&scene->asker);
        int question = 1;
        uint64_t began_ns = uv_hrtime();
        assert_int_equal(loop_ask(scene->ask, &question, LONG_MS), LOOP_SILENT);
        assert_true(uv_hrtime() - began_ns < LONG_MS * UINT64_C(1000000) / 2);
        scene_close(scene);
}

static void an_answer_that_comes_too_late_is_dropped(void **state)
{
        (void)state;
        struct scene *scene = scene_open();
        scene->slow = true;
        scene_ask(scene, 41, 500);
        turn_until_ended(scene);
        assert_int_equal(scene->end, LOOP_SILENT);
        assert_int_equal(scene->question, 41);
        assert_int_equal(scene->answers, scene->drops);
        scene_close(scene);
}

static void shutting_ends_a_question_that_nobody_answers(void **state)
{
        (void)state;
        struct scene *scene = scene_open();
        uv_run(&scene->loop, UV_RUN_NOWAIT); /* from here on the loop's descriptor tells when it is woken */
        scene_ask(scene, 41, LONG_MS * 100);
        struct pollfd woken = {.fd = uv_backend_fd(&scene->loop), .events = POLLIN};
        assert_int_equal(poll(&woken, 1, LONG_MS), 1); /* the asker waits */
        loop_ask_shut(scene->ask);
        uv_thread_join(&scene->asker);
        assert_int_equal(scene->end, LOOP_CLOSED);
        scene_close(scene);
}

static void the_time_since_the_last_turn_starts_again_with_each_turn(void **state)
{
        (void)state;
        struct scene *scene = scene_open();
        int64_t before_ms;
        while ((before_ms = loop_ask_since_turn_ms(scene->ask)) < 300)
                ;
        uv_run(&scene->loop, UV_RUN_NOWAIT);
        assert_true(loop_ask_since_turn_ms(scene->ask) < before_ms);
        scene_close(scene);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_loop_answers),
                cmocka_unit_test(a_loop_that_does_not_turn_is_silent_and_later_answers_again),
                cmocka_unit_test(while_one_question_is_open_the_next_fails_at_once),
                cmocka_unit_test(an_answer_that_comes_too_late_is_dropped),
                cmocka_unit_test(shutting_ends_a_question_that_nobody_answers),
                cmocka_unit_test(the_time_since_the_last_turn_starts_again_with_each_turn),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
