#include "core/time/ticker.h"

#include "core/codec/rfc3339.h"

#include <stdio.h>
#include <string.h>

enum { SECOND_MS = 1000 };

static struct ticker_action act(struct ticker *ticker, enum ticker_phase phase, enum ticker_action_kind kind)
{
        ticker->phase = phase;
        return (struct ticker_action){.kind = kind};
}

static struct ticker_action wait_until(struct ticker *ticker, int64_t wake_ms)
{
        ticker->wake_ms = wake_ms;
        return act(ticker, TICKER_IDLE, TICKER_WAIT);
}

static int64_t whole_seconds(int64_t ms)
{
        return ms / SECOND_MS - (ms % SECOND_MS < 0);
}

static int64_t next_tick(const struct ticker *ticker, int64_t after_ms)
{
        int64_t next = cron_next(&ticker->cron, ticker->zone, whole_seconds(after_ms));
        return next == INT64_MAX ? INT64_MAX : next * SECOND_MS;
}

/* The last tick up to `until_ms`; 0: none since last_ms. */
static int64_t last_tick(const struct ticker *ticker, int64_t until_ms)
{
        int64_t since = whole_seconds(ticker->last_ms);
        int64_t last = until_ms > ticker->last_ms
                               ? cron_last(&ticker->cron, ticker->zone, since, whole_seconds(until_ms))
                               : since;
        return last > since ? last * SECOND_MS : 0;
}

static uint32_t count_ticks(const struct ticker *ticker, int64_t until_ms)
{
        uint32_t count = 0;
        for (int64_t tick = next_tick(ticker, ticker->last_ms); tick <= until_ms && count < TICKER_COUNT_MAX;
             tick = next_tick(ticker, tick))
                count++;
        return count;
}

static struct ticker_action claim(struct ticker *ticker, int64_t tick_ms)
{
        ticker->tick_ms = tick_ms;
        struct ticker_action action = act(ticker, TICKER_CLAIMING, TICKER_CLAIM);
        action.sure = !ticker->skip_overlap;
        return action;
}

static struct ticker_action skip(struct ticker *ticker, int64_t until_ms)
{
        ticker->tick_ms = until_ms;
        struct ticker_action action = act(ticker, TICKER_SKIPPING, TICKER_SKIP);
        action.count = count_ticks(ticker, until_ms);
        return action;
}

/* Which ticks are given up before the next is carried out; 0: none. */
static int64_t given_up(const struct ticker *ticker, int64_t now_ms)
{
        int64_t late = last_tick(ticker, now_ms - TICKER_LATE_MS);
        if (late == 0 || ticker->missed == TICKER_MISSED_ALL)
                return 0;
        bool is_last = last_tick(ticker, now_ms) == late;
        if (ticker->missed == TICKER_MISSED_LAST && is_last)
                return last_tick(ticker, late - SECOND_MS);
        return late;
}

/* What follows from how far the schedule is. */
static struct ticker_action ticker_go_on(struct ticker *ticker, int64_t now_ms)
{
        int64_t next = next_tick(ticker, ticker->last_ms);
        if (next > now_ms) {
                int64_t look_ms = now_ms + TICKER_LOOK_MS;
                return wait_until(ticker, next < look_ms ? next : look_ms);
        }
        int64_t late = given_up(ticker, now_ms);
        return late ? skip(ticker, late) : claim(ticker, next);
}

static struct ticker_action ticker_publish(struct ticker *ticker)
{
        return act(ticker, TICKER_PUBLISHING, TICKER_PUBLISH);
}

/* Somebody may overlap with the tick before only if that has been seen to be over. */
static struct ticker_action ticker_judge(struct ticker *ticker)
{
        if (!ticker->skip_overlap)
                return ticker_publish(ticker);
        if (ticker->ran_ms == 0)
                return act(ticker, TICKER_MARKING, TICKER_MARK);
        return act(ticker, TICKER_JUDGING, TICKER_JUDGE);
}

static struct ticker_action ticker_on_claimed(struct ticker *ticker, const struct ticker_event *event)
{
        switch (event->answer) {
        case TICKER_OK:
                return ticker_judge(ticker);
        case TICKER_AGAIN:
                return event->sure ? ticker_publish(ticker) : ticker_judge(ticker);
        case TICKER_BUSY:
                return wait_until(ticker, event->now_ms + event->left_ms);
        case TICKER_EARLY:
                return wait_until(ticker, ticker->tick_ms);
        case TICKER_MOVED:
                break;
        }
        return ticker_go_on(ticker, event->now_ms);
}

static struct ticker_action on_skipped(struct ticker *ticker, const struct ticker_event *event)
{
        if (event->answer == TICKER_AGAIN)
                return claim(ticker, event->claimed_ms);
        if (event->answer == TICKER_BUSY)
                return wait_until(ticker, event->now_ms + event->left_ms);
        return ticker_go_on(ticker, event->now_ms);
}

static struct ticker_action on_answered(struct ticker *ticker, const struct ticker_event *event)
{
        ticker->known = true;
        ticker->last_ms = event->last_ms;
        ticker->ran_ms = event->ran_ms;
        switch (ticker->phase) {
        case TICKER_CLAIMING:
                return ticker_on_claimed(ticker, event);
        case TICKER_SKIPPING:
                return on_skipped(ticker, event);
        case TICKER_MARKING:
                return event->answer == TICKER_OK ? ticker_publish(ticker)
                                                  : ticker_go_on(ticker, event->now_ms);
        case TICKER_LOOKING:
        case TICKER_ENDING:
                return ticker_go_on(ticker, event->now_ms);
        case TICKER_IDLE:
        case TICKER_JUDGING:
        case TICKER_PUBLISHING:
                break;
        }
        return (struct ticker_action){.kind = TICKER_NOTHING};
}

static struct ticker_action on_judged(struct ticker *ticker, const struct ticker_event *event)
{
        if (event->over)
                return act(ticker, TICKER_MARKING, TICKER_MARK);
        struct ticker_action action = act(ticker, TICKER_SKIPPING, TICKER_SKIP);
        action.overlap = true;
        action.count = 1;
        return action;
}

/* An unconfirmed tick is taken up again, by whoever comes first, when its claim is old. */
static struct ticker_action ticker_on_published(struct ticker *ticker, const struct ticker_event *event)
{
        if (!event->confirmed)
                return wait_until(ticker, event->now_ms + TICKER_CLAIM_MS);
        return act(ticker, TICKER_ENDING, TICKER_END);
}

struct ticker_action ticker_step(struct ticker *ticker, const struct ticker_event *event)
{
        struct ticker_action nothing = {.kind = TICKER_NOTHING};
        switch (event->kind) {
        case TICKER_BEGIN:
                return act(ticker, TICKER_LOOKING, TICKER_LOOK);
        case TICKER_TIME:
                if (ticker->phase != TICKER_IDLE || event->now_ms < ticker->wake_ms)
                        return nothing;
                if (next_tick(ticker, ticker->last_ms) > event->now_ms)
                        return act(ticker, TICKER_LOOKING, TICKER_LOOK);
                return ticker_go_on(ticker, event->now_ms);
        case TICKER_ANSWERED:
                return on_answered(ticker, event);
        case TICKER_JUDGED:
                return ticker->phase == TICKER_JUDGING ? on_judged(ticker, event) : nothing;
        case TICKER_PUBLISHED:
                return ticker->phase == TICKER_PUBLISHING ? ticker_on_published(ticker, event) : nothing;
        case TICKER_LOST:
                return wait_until(ticker, INT64_MAX);
        }
        return nothing;
}

size_t ticker_coming(const struct cron *cron, const struct zone *zone, int64_t now_ms, int64_t *ticks_ms,
                     size_t max)
{
        size_t count = 0;
        int64_t t = whole_seconds(now_ms);
        while (count < max && (t = cron_next(cron, zone, t)) != INT64_MAX)
                ticks_ms[count++] = t * SECOND_MS;
        return count;
}

void ticker_id(const char *name, int64_t tick_ms, char id[TICKER_ID_SIZE])
{
        char time[RFC3339_SIZE];
        rfc3339_format(tick_ms, time);
        snprintf(id, TICKER_ID_SIZE, "schedule/%.*s/%.19sZ", TICKER_NAME_MAX, name, time);
}

/* FNV-1a; the NUL counts. */
static uint32_t hash_text(uint32_t hash, const char *text)
{
        do
                hash = (hash ^ (unsigned char)*text) * 16777619U;
        while (*text++);
        return hash;
}

void ticker_key(const char *name, const char *cron, const char *timezone, char key[TICKER_ID_SIZE])
{
        snprintf(key, TICKER_ID_SIZE, "%.*s/%08x", TICKER_NAME_MAX, name,
                 (unsigned)hash_text(hash_text(2166136261U, cron), timezone));
}

bool ticker_name_is_good(const char *name)
{
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
        return len > 0 && len <= TICKER_NAME_MAX && name[len] == '\0';
}

bool ticker_id_is(const char *id)
{
        int64_t time_ms;
        const char *name = id + strlen("schedule/");
        if (strncmp(id, "schedule/", strlen("schedule/")) != 0 || !strchr(name, '/'))
                return false;
        const char *time = strchr(name, '/') + 1;
        return strlen(time) == 20 && rfc3339_parse(slice_of(time), &time_ms);
}
