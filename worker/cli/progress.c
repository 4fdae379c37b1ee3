#include "cli/progress.h"
#include "io/machine/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define DRAW_EVERY_MS 100
#define BAR_WIDTH 30

void progress_begin(struct progress *progress, const char *verb, int64_t total)
{
        *progress = (struct progress){.verb = verb,
                                      .total = total,
                                      .began_ms = clock_boot_ms(),
                                      .drawing = isatty(STDERR_FILENO) != 0};
}

static void draw(const struct progress *progress, int64_t done, int64_t now_ms)
{
        int64_t spent_ms = now_ms - progress->began_ms;
        double rate = spent_ms > 0 ? (double)done * 1000 / (double)spent_ms : 0;
        int filled = progress->total > 0 ? (int)(done * BAR_WIDTH / progress->total) : BAR_WIDTH;
        char bar[BAR_WIDTH + 1], left[32] = "-";
        for (int i = 0; i < BAR_WIDTH; i++)
                bar[i] = i < filled ? '#' : '.';
        bar[BAR_WIDTH] = '\0';
        if (rate > 0)
                snprintf(left, sizeof(left), "%.0f s", (double)(progress->total - done) / rate);
        fprintf(stderr, "\r\033[K[%s] %" PRId64 "/%" PRId64 " %s, %.0f/s, %s left", bar, done,
                progress->total, progress->verb, rate, left);
        fflush(stderr);
}

void progress_show(struct progress *progress, int64_t done)
{
        int64_t now_ms = clock_boot_ms();
        if (!progress->drawing || now_ms - progress->drawn_ms < DRAW_EVERY_MS)
                return;
        progress->drawn_ms = now_ms;
        draw(progress, done, now_ms);
}

void progress_end(struct progress *progress, int64_t done)
{
        if (!progress->drawing)
                return;
        draw(progress, done, clock_boot_ms());
        fputc('\n', stderr);
}
