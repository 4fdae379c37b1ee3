#include "io/plan/planner_lines.h"

#include <string.h>

static void line_tell(struct planner_lines *lines, bool whole)
{
        struct slice line = {.data = lines->text.data ? lines->text.data : "", .len = lines->text.len};
        if (!lines->cut)
                lines->reader.line(lines->reader.context, line, whole);
        buffer_clear(&lines->text);
}

static void piece_take(struct planner_lines *lines, const char *data, size_t len)
{
        if (lines->cut)
                return;
        buffer_add(&lines->text, data, len);
        if (lines->text.len <= lines->reader.max)
                return;
        line_tell(lines, /* whole = */ false);
        lines->cut = true;
}

static void lines_take(struct planner_lines *lines, const char *data, size_t len)
{
        const char *end;
        while ((end = memchr(data, '\n', len))) {
                piece_take(lines, data, (size_t)(end - data));
                line_tell(lines, /* whole = */ true);
                lines->cut = false;
                len -= (size_t)(end - data) + 1;
                data = end + 1;
        }
        if (len > 0)
                piece_take(lines, data, len);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *room)
{
        struct planner_lines *lines = handle->data;
        (void)wanted;
        *room = uv_buf_init(lines->room, sizeof(lines->room));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
        struct planner_lines *lines = stream->data;
        if (len > 0)
                lines_take(lines, room->base, (size_t)len);
        if (len >= 0)
                return;
        uv_read_stop(stream);
        if (lines->text.len > 0)
                line_tell(lines, /* whole = */ true);
        if (lines->reader.closed)
                lines->reader.closed(lines->reader.context);
}

void planner_lines_read(struct planner_lines *lines, uv_stream_t *stream)
{
        stream->data = lines;
        uv_read_start(stream, on_room, on_read);
}

void planner_lines_fini(struct planner_lines *lines)
{
        buffer_fini(&lines->text);
}
