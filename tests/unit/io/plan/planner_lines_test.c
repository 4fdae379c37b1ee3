#include "io/plan/planner_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINE_MAX_BYTES = 8, SHOWN_MAX_BYTES = 20 };

struct stage {
        uv_loop_t loop;
        uv_pipe_t stream;
        struct planner_lines lines;
        char told[512]; /* "line|", and "line+|" for the beginning of one that is too long */
        int closed;
};

static void on_line(void *context, struct slice line, bool whole)
{
        struct stage *stage = context;
        size_t shown = line.len < SHOWN_MAX_BYTES ? line.len : SHOWN_MAX_BYTES;
        assert_true(strlen(stage->told) + shown + 3 < sizeof(stage->told));
        strncat(stage->told, line.data, shown);
        strcat(stage->told, whole ? "|" : "+|");
}

static void on_closed(void *context)
{
        ((struct stage *)context)->closed++;
}

/* Each piece is read before the next is written. */
static void expect(const char *const *pieces, const char *told)
{
        struct stage stage = {0};
        int fds[2];
        uv_loop_init(&stage.loop);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        uv_pipe_init(&stage.loop, &stage.stream, 0);
        assert_int_equal(uv_pipe_open(&stage.stream, fds[0]), 0);
        stage.stream.data = &stage.lines;
        stage.lines.reader = (struct planner_lines_reader){
                .max = LINE_MAX_BYTES, .line = on_line, .closed = on_closed, .context = &stage};
        planner_lines_read(&stage.lines, (uv_stream_t *)&stage.stream);
        for (; *pieces; pieces++) {
                assert_int_equal(write(fds[1], *pieces, strlen(*pieces)), strlen(*pieces));
                uv_run(&stage.loop, UV_RUN_ONCE);
        }
        assert_int_equal(stage.closed, 0);
        close(fds[1]);
        while (!stage.closed)
                uv_run(&stage.loop, UV_RUN_ONCE);
        assert_string_equal(stage.told, told);
        planner_lines_fini(&stage.lines);
        uv_close((uv_handle_t *)&stage.stream, NULL);
        uv_run(&stage.loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&stage.loop), 0);
}

#define PIECES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void lines_come_whole_however_they_are_read(void **state)
{
        (void)state;
        expect(PIECES("one\ntwo\n"), "one|two|");
        expect(PIECES("o", "ne", "\nt", "wo\n"), "one|two|");
        expect(PIECES("\n\n"), "||");
        expect(PIECES("one\n", "\n", "two\n"), "one||two|");
}

static void what_has_no_end_is_a_line_at_the_end(void **state)
{
        (void)state;
        expect(PIECES("one\ntwo"), "one|two|");
        expect(PIECES("t", "w", "o"), "two|");
}

static void a_line_that_is_too_long_is_told_once_and_cut(void **state)
{
        (void)state;
        expect(PIECES("12345678\nb\n"), "12345678|b|");
        expect(PIECES("123456789\nb\n"), "123456789+|b|");
        expect(PIECES("12345", "6789", "more and more", "\nb\n"), "123456789+|b|");
        expect(PIECES("123456789"), "123456789+|");
}

/* The loop reads again after a full room, and finds nothing: that is no end. */
static void a_read_that_fills_the_room_is_not_the_end(void **state)
{
        (void)state;
        struct planner_lines *lines = NULL;
        static char full[sizeof(lines->room) + 1];
        memset(full, 'x', sizeof(lines->room));
        full[sizeof(lines->room) - 1] = '\n';
        expect(PIECES(full, "two\n"), "xxxxxxxxxxxxxxxxxxxx+|two|");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_come_whole_however_they_are_read),
                cmocka_unit_test(what_has_no_end_is_a_line_at_the_end),
                cmocka_unit_test(a_line_that_is_too_long_is_told_once_and_cut),
                cmocka_unit_test(a_read_that_fills_the_room_is_not_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
