#include "io/machine/aside.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Work that waits until it may end. */
struct slow {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        bool may_end, worked, dropped; /* under the mutex */
        bool done;
        pthread_t worker, doer;
};

static void work(void *context)
{
        struct slow *slow = context;
        slow->worker = pthread_self();
        pthread_mutex_lock(&slow->mutex);
        while (!slow->may_end)
                pthread_cond_wait(&slow->changed, &slow->mutex);
        slow->worked = true;
        pthread_cond_broadcast(&slow->changed);
        pthread_mutex_unlock(&slow->mutex);
}

static void done(void *context)
{
        struct slow *slow = context;
        slow->doer = pthread_self();
        slow->done = true;
}

static void drop(void *context)
{
        struct slow *slow = context;
        pthread_mutex_lock(&slow->mutex);
        slow->dropped = true;
        pthread_cond_broadcast(&slow->changed);
        pthread_mutex_unlock(&slow->mutex);
}

static const struct aside_job job = {.work = work, .done = done, .drop = drop};

static void let_end(struct slow *slow)
{
        pthread_mutex_lock(&slow->mutex);
        slow->may_end = true;
        pthread_cond_broadcast(&slow->changed);
        pthread_mutex_unlock(&slow->mutex);
}

static void await_work(struct slow *slow)
{
        pthread_mutex_lock(&slow->mutex);
        while (!slow->worked)
                pthread_cond_wait(&slow->changed, &slow->mutex);
        pthread_mutex_unlock(&slow->mutex);
}

static void await_drop(struct slow *slow)
{
        pthread_mutex_lock(&slow->mutex);
        while (!slow->dropped)
                pthread_cond_wait(&slow->changed, &slow->mutex);
        pthread_mutex_unlock(&slow->mutex);
}

static void begin(struct slow *slow, uv_loop_t *loop)
{
        *slow = (struct slow){0};
        pthread_mutex_init(&slow->mutex, NULL);
        pthread_cond_init(&slow->changed, NULL);
        assert_int_equal(uv_loop_init(loop), 0);
}

static void end(struct slow *slow, uv_loop_t *loop)
{
        assert_int_equal(uv_loop_close(loop), 0);
        pthread_mutex_destroy(&slow->mutex);
        pthread_cond_destroy(&slow->changed);
}

static void the_work_is_done_on_another_thread_and_reported_on_the_loop(void **state)
{
        (void)state;
        uv_loop_t loop;
        struct slow slow;
        begin(&slow, &loop);
        assert_non_null(aside_start(&loop, &job, &slow));
        uv_run(&loop, UV_RUN_NOWAIT);
        assert_false(slow.done);
        let_end(&slow);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_true(slow.worked && slow.done && !slow.dropped);
        assert_false(pthread_equal(slow.worker, pthread_self()));
        assert_true(pthread_equal(slow.doer, pthread_self()));
        end(&slow, &loop);
}

static void a_loop_ends_though_the_work_that_it_abandoned_hangs(void **state)
{
        (void)state;
        uv_loop_t loop;
        struct slow slow;
        begin(&slow, &loop);
        aside_abandon(aside_start(&loop, &job, &slow));
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&loop), 0);
        assert_false(slow.dropped);
        let_end(&slow);
        await_drop(&slow);
        assert_false(slow.done);
        pthread_mutex_destroy(&slow.mutex);
        pthread_cond_destroy(&slow.changed);
}

static void what_ended_just_before_it_was_abandoned_is_dropped_and_not_reported(void **state)
{
        (void)state;
        uv_loop_t loop;
        struct slow slow;
        begin(&slow, &loop);
        slow.may_end = true;
        struct aside *aside = aside_start(&loop, &job, &slow);
        await_work(&slow);
        aside_abandon(aside);
        uv_run(&loop, UV_RUN_DEFAULT);
        await_drop(&slow);
        assert_false(slow.done);
        end(&slow, &loop);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_work_is_done_on_another_thread_and_reported_on_the_loop),
                cmocka_unit_test(a_loop_ends_though_the_work_that_it_abandoned_hangs),
                cmocka_unit_test(what_ended_just_before_it_was_abandoned_is_dropped_and_not_reported),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
