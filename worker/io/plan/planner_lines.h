#ifndef LEVERET_IO_PLANNER_LINES_H
#define LEVERET_IO_PLANNER_LINES_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <uv.h>

/* Inside io/plan only: lines that a program writes, each bounded. */

struct planner_lines_reader {
        size_t max; /* bytes of a line */
        /* Each line without its end; `whole` false: it is longer, and this is its beginning. */
        void (*line)(void *context, struct slice line, bool whole);
        void (*closed)(void *context); /* no more will come; or NULL */
        void *context;
};

struct planner_lines {
        struct planner_lines_reader reader;
        struct buffer text; /* of a line that has no end yet */
        bool cut;           /* its beginning was told already */
        char room[16384];
};

/* Reads the stream, whose `data` points to `lines`, until it ends. */
void planner_lines_read(struct planner_lines *lines, uv_stream_t *stream);
void planner_lines_fini(struct planner_lines *lines);

#endif
