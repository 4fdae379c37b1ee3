#ifndef LEVERET_CORE_TICKER_H
#define LEVERET_CORE_TICKER_H

#include "core/time/cron.h"

/*
 * The ticks of one schedule, as one of any number of workers sees them. A pure function like the protocol of
 * a job: ticker_step(ticker, event) says what is to be done next, and its answer comes as the next event. All
 * times are those of the store's clock, so that no worker's own matters; the engine only estimates what that
 * clock shows.
 *
 * The store keeps for each schedule up to when its ticks are done (`last_ms`), and who is at work on the next
 * one. A tick goes through: claimed (nobody else in the next 5 s), marked as sure to be published if there
 * was something to be looked at first, published and confirmed, done. Whoever finds a claim of 5 s ago takes
 * it over: a tick that was sure may be in the queue, and is published again, with the same id; one that was
 * not is judged anew. So each tick has one job, whatever ends between these steps.
 */

enum { TICKER_CLAIM_MS = 5000, TICKER_LATE_MS = 60000, TICKER_LOOK_MS = 60000, TICKER_COUNT_MAX = 10000 };

/* Of ticks that are late by more than TICKER_LATE_MS: what becomes of them. */
enum ticker_missed {
        TICKER_MISSED_LAST, /* the last is made up for, unless a later one is in time; the others are counted
                             */
        TICKER_MISSED_ALL,
        TICKER_MISSED_NONE,
};

enum ticker_phase {
        TICKER_IDLE,    /* waits until wake_ms */
        TICKER_LOOKING, /* asks the store how far it is */
        TICKER_CLAIMING,
        TICKER_JUDGING, /* is the job of the tick before over? */
        TICKER_MARKING,
        TICKER_PUBLISHING,
        TICKER_ENDING,
        TICKER_SKIPPING,
};

struct ticker {
        /* set once */
        struct cron cron;
        const struct zone *zone;
        enum ticker_missed missed;
        bool skip_overlap;
        /* progress */
        enum ticker_phase phase;
        bool known;      /* last_ms */
        int64_t last_ms; /* ticks are done up to then */
        int64_t ran_ms;  /* the last tick that was published; 0: none */
        int64_t tick_ms; /* the present one */
        int64_t wake_ms;
};

enum ticker_answer {
        TICKER_OK,    /* done as asked; of a claim: fresh, nobody was at it before */
        TICKER_AGAIN, /* claim: taken over. `sure`: it may be published already. skip: finish the claimed tick
                         first */
        TICKER_BUSY,  /* somebody else is at it: in `left_ms` */
        TICKER_EARLY, /* it is not time yet */
        TICKER_MOVED, /* others have done more than was known here */
};

enum ticker_event_kind {
        TICKER_BEGIN,     /* the store is there */
        TICKER_TIME,      /* wake_ms may have passed */
        TICKER_ANSWERED,  /* by the store: answer, last_ms, ran_ms, claimed_ms, left_ms, sure */
        TICKER_JUDGED,    /* over */
        TICKER_PUBLISHED, /* confirmed */
        TICKER_LOST,      /* the store did not answer: begin again when it is back */
};

struct ticker_event {
        enum ticker_event_kind kind;
        int64_t now_ms;
        enum ticker_answer answer;
        int64_t last_ms, ran_ms, claimed_ms, left_ms;
        bool sure, over, confirmed;
};

enum ticker_action_kind {
        TICKER_NOTHING,
        TICKER_WAIT,    /* until wake_ms */
        TICKER_LOOK,    /* of the store; known, last_ms */
        TICKER_CLAIM,   /* tick_ms; `sure`: it is published whatever comes */
        TICKER_JUDGE,   /* is the job of ran_ms over? */
        TICKER_MARK,    /* the claim is sure */
        TICKER_PUBLISH, /* tick_ms */
        TICKER_END,     /* tick_ms is published */
        TICKER_SKIP, /* ticks up to tick_ms, `count` of them; `overlap`: because the one before is not over */
};

struct ticker_action {
        enum ticker_action_kind kind;
        bool sure, overlap;
        uint32_t count;
};

/* What is to be done now. An event that has no meaning in the present phase changes nothing. */
struct ticker_action ticker_step(struct ticker *ticker, const struct ticker_event *event);

/* The next ticks after `now_ms`, at most `max`; how many there are. */
size_t ticker_coming(const struct cron *cron, const struct zone *zone, int64_t now_ms, int64_t *ticks_ms,
                     size_t max);

/* "schedule/nightly/2026-12-24T08:00:00Z" */
enum { TICKER_NAME_MAX = 64, TICKER_ID_SIZE = 96 };
void ticker_id(const char *name, int64_t tick_ms, char id[TICKER_ID_SIZE]);
/* Is it the id of a tick? */
bool ticker_id_is(const char *id);
/* What the store knows a schedule by: its name and when it is, "nightly/1f2e3d4c", so that one that was
 * changed begins anew, while workers with the old and the new configuration run beside each other. */
void ticker_key(const char *name, const char *cron, const char *timezone, char key[TICKER_ID_SIZE]);
/* 1 to 64 of a-z 0-9 . _ - */
bool ticker_name_is_good(const char *name);

#endif
