#include "core/job/window.h"

/* What is not refused within this time is taken as accepted: a send may take long. */
enum { DOUBLE_EVERY_MS = 250 };
/* One more is tried after the first of these times; each refused try doubles it, up to the second. */
enum { GROW_MIN_MS = 100, GROW_MAX_MS = 60 * 1000 };
/* With nothing under way, the next try waits. */
enum { PAUSE_MIN_MS = 25, PAUSE_MAX_MS = 400 };
/* So long may nobody be served before it is an outage: if a limit was spoken of, and if not. */
enum { PATIENCE_TOLD_MS = 30 * 1000, PATIENCE_MS = 5 * 1000 };
enum { NEWS_EVERY_MS = 60 * 1000 };

void window_init(struct window *window, size_t first, size_t max)
{
        *window = (struct window){.size = first < max ? first : max,
                                  .max = max,
                                  .grow_every_ms = GROW_MIN_MS,
                                  .began_ms = -1,
                                  .refused_ms = -1,
                                  .served_ms = -1,
                                  .told_ms = -1};
}

/* The size, with what it has grown to since the first send if nothing was refused. */
static size_t size_at(const struct window *window, int64_t now_ms)
{
        size_t size = window->size;
        if (window->found || window->began_ms < 0)
                return size;
        for (int64_t ms = window->began_ms + DOUBLE_EVERY_MS; ms <= now_ms && size < window->max;
             ms += DOUBLE_EVERY_MS)
                size *= 2;
        return size < window->max ? size : window->max;
}

bool window_is_open(const struct window *window, size_t used, int64_t now_ms)
{
        return now_ms >= window->paused_until_ms && used < size_at(window, now_ms);
}

size_t window_room(const struct window *window, size_t used, int64_t now_ms)
{
        size_t size = size_at(window, now_ms);
        return now_ms >= window->paused_until_ms && used < size ? size - used : 0;
}

int64_t window_wait_ms(const struct window *window, size_t used, int64_t now_ms)
{
        if (window->paused_until_ms > now_ms)
                return window->paused_until_ms - now_ms;
        if (used < size_at(window, now_ms))
                return 0;
        if (window->found || window->began_ms < 0 || used >= window->max)
                return -1;
        return DOUBLE_EVERY_MS - (now_ms - window->began_ms) % DOUBLE_EVERY_MS;
}

void window_begin(struct window *window, int64_t now_ms)
{
        if (window->began_ms < 0)
                window->began_ms = now_ms;
}

static void grow_slowly(struct window *window, size_t used, int64_t now_ms)
{
        if (now_ms < window->grow_ms || used < window->size || window->size == window->max)
                return;
        if (window->grown && window->grow_every_ms > GROW_MIN_MS) /* the one before was taken */
                window->grow_every_ms /= 2;
        window->size++;
        window->grown = true;
        window->grow_ms = now_ms + window->grow_every_ms;
}

void window_served(struct window *window, size_t used, int64_t now_ms)
{
        window->served_ms = now_ms;
        window->refused_ms = -1;
        window->pause_ms = window->paused_until_ms = 0;
        if (window->found)
                grow_slowly(window, used, now_ms);
        else if (window->size < window->max)
                window->size++;
}

static void shrink(struct window *window, size_t used, int64_t now_ms)
{
        size_t size = size_at(window, now_ms);
        if (used < size)
                size = used;
        window->size = size > 1 ? size - 1 : 1;
        if (window->grown && window->grow_every_ms < GROW_MAX_MS)
                window->grow_every_ms *= 2;
        window->found = true;
        window->grown = false;
        window->grow_ms = now_ms + window->grow_every_ms;
}

static void pause(struct window *window, int64_t now_ms)
{
        window->pause_ms = window->pause_ms ? 2 * window->pause_ms : PAUSE_MIN_MS;
        if (window->pause_ms > PAUSE_MAX_MS)
                window->pause_ms = PAUSE_MAX_MS;
        window->paused_until_ms = now_ms + window->pause_ms;
}

bool window_refused(struct window *window, const struct window_refusal *refusal, int64_t now_ms)
{
        shrink(window, refusal->used, now_ms);
        if (window->refused_ms < 0)
                window->refused_ms = now_ms;
        if (refusal->used <= 1)
                pause(window, now_ms);
        if (refusal->standing > 0)
                return true;
        if (refusal->told)
                return now_ms - window->refused_ms < PATIENCE_TOLD_MS;
        return window->served_ms >= 0 && now_ms - window->served_ms < PATIENCE_MS;
}

bool window_is_news(struct window *window, int64_t now_ms)
{
        if (window->told_ms >= 0 && now_ms - window->told_ms < NEWS_EVERY_MS)
                return false;
        window->told_ms = now_ms;
        return true;
}
