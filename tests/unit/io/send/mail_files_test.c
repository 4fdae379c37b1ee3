#include "io/send/mail_files.h"

#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int broken_off;

static void on_done(void *context, const struct send_result *result)
{
        (void)context;
        assert_null(result);
        broken_off++;
}

static size_t threads(void)
{
        size_t count = 0;
        DIR *tasks = opendir("/proc/self/task");
        assert_non_null(tasks);
        for (const struct dirent *task; (task = readdir(tasks));)
                count += task->d_name[0] != '.';
        closedir(tasks);
        return count;
}

/* One has its room, the other waits for it. Nobody holds either of them any more, nor the whole: what is
 * not given back here is found by the leak sanitizer. */
static void those_that_run_and_those_that_wait_are_broken_off(void **state)
{
        (void)state;
        static const struct config_attachments config = {.dir = "/tmp", .disk_bytes = 100, .max_bytes = 100};
        struct attachment attachments[] = {{.name = "a.txt", .url = "http://127.0.0.1:1/a.txt", .size = 80},
                                           {0}};
        const struct mail mail = {.attachments = attachments};
        const size_t threads_before = threads();
        uv_loop_t loop;
        assert_int_equal(uv_loop_init(&loop), 0);
        struct mail_files *files = mail_files_open(&loop, &config);
        mail_fetch_begin(files, &mail, on_done, NULL);
        mail_fetch_begin(files, &mail, on_done, NULL);
        assert_int_equal(broken_off, 0);
        mail_files_close(files);
        assert_int_equal(broken_off, 2);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(broken_off, 2);
        assert_int_equal(uv_loop_close(&loop), 0);
        while (threads() > threads_before) /* the one that was left to itself */
                sched_yield();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(those_that_run_and_those_that_wait_are_broken_off),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
