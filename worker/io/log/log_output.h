#ifndef LEVERET_IO_LOG_OUTPUT_H
#define LEVERET_IO_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* A descriptor that lines are written to without ever waiting for it. */
struct log_output {
        int fd;      /* given */
        int own;     /* a description of our own of the same pipe, non-blocking; -1: none */
        bool socket; /* sent to, not written to */
        bool torn;   /* the last line was cut: the next begins with a newline */
};

void log_output_open(struct log_output *output, int fd);
void log_output_close(struct log_output *output);
/* Writes a line that ends with a newline, at most PIPE_BUF bytes; false if it was lost, wholly or in part. */
bool log_output_write(struct log_output *output, const char *line, size_t len);

#endif
