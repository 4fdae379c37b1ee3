#ifndef LEVERET_CLI_PROGRESS_H
#define LEVERET_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* A bar with rate and time left on stderr, if that is a terminal; else nothing. */
struct progress {
        const char *verb; /* "redriven" */
        int64_t total, began_ms, drawn_ms;
        bool drawing;
};

void progress_begin(struct progress *progress, const char *verb, int64_t total);
void progress_show(struct progress *progress, int64_t done);
void progress_end(struct progress *progress, int64_t done);

#endif
