#ifndef LEVERET_CORE_SHARE_H
#define LEVERET_CORE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A worker's part of a rate that all workers of a prefix share. A second is a row of places, one for each
 * send; a script in Redis (rate.lua, whose clock is Redis' own) gives them out one behind the other, a batch
 * to each who asks, and nothing that was given is given again. A place is void soon after its time: what a
 * worker does not use, because it died or had nothing to send, is lost and never sent by somebody later.
 *
 * Who gets the next batch: each worker knows how far ahead it is of its own part, which is the rate by its
 * weight among those that were left wanting. Who is not ahead may have places that are further in the future,
 * so that there always are some for it; who is ahead takes only what would otherwise stay empty.
 *
 * Times are milliseconds of any monotonic clock unless a name says otherwise.
 */

/* Of a hundred places two stay empty: for what leaves a little after its time. */
#define SHARE_PACE 0.98
enum {
        SHARE_BATCHES = 8,     /* held at once */
        SHARE_VOID_MS = 60,    /* so long after its time a place is void, or a quarter of the way to the next
                                  one, if that is longer */
        SHARE_NEAR_US = 50000, /* who is ahead of its part: places that begin so soon */
        SHARE_FAR_US = 200000, /* everybody else: so far in the future */
        SHARE_LOST_MS = 100,   /* without an answer: the next question */
};

struct share_batch {
        double from_ms, step_ms; /* of the first place, and from one to the next */
        uint32_t count;
};

struct share {
        double per_second; /* 0: no limit, and nothing is asked */
        struct share_batch batches[SHARE_BATCHES];
        size_t batch_count;
        bool asking;
        int64_t step_us; /* that was asked with */
        int64_t ask_again_ms;
        double ahead_until_ms; /* until then it is ahead of its own part */
        int64_t second;        /* of Redis: in which it was counted as left wanting */
        int64_t slot_ms;       /* the present tenth of a second, and what was used in it and in the last */
        uint32_t slot_used, slot_used_before;
        int64_t taken_ms; /* when a place was taken last */
        int64_t pause_ms; /* to be told to the others; 0: none */
        uint64_t questions, given, used;
};

/* What is asked of Redis: ARGV of rate.lua. */
struct share_question {
        int64_t step_us;  /* from one place to the next */
        uint32_t count;   /* places */
        uint32_t weight;  /* of the asker, at least 1 */
        int64_t ahead_us; /* of its own part */
        int64_t second;   /* in which it was counted as left wanting */
        int64_t near_us, far_us;
        int64_t pause_ms; /* for all workers; 0: none */
        bool put_off;     /* what is not given is put off: to be told for how long */
        uint32_t back;    /* of the wanted: how many were put off before */
};

struct share_answer {
        uint32_t count;
        int64_t from_us; /* from now to the first place */
        int64_t step_us;
        int64_t ahead_us, second;
        int64_t again_us; /* when to ask for the rest */
        int64_t pause_us; /* that somebody was asked for; 0: none */
};

/* `per_second` 0: no limit. A limit that stays as it was changes nothing. */
void share_configure(struct share *share, double per_second);
/* Milliseconds until the first place that is held; 0: now; -1: none is held. */
int64_t share_wait_ms(const struct share *share, int64_t now_ms);
/* Takes a place whose time has come. True without a limit. */
bool share_take(struct share *share, int64_t now_ms);
/* The place that was taken last was not used. */
void share_give(struct share *share);
/* The service asked for a pause, which all workers are to keep. */
void share_pause(struct share *share, int64_t pause_ms);

/* What wants to be sent, as far as it could be. */
struct share_need {
        size_t waiting, free; /* sends that wait, and could begin at once */
        uint32_t weight;      /* of the queues that they are of, together */
};
/* Is it time to ask? Then `question` is what to ask, and an answer or share_lost is expected. */
bool share_asks(struct share *share, const struct share_need *need, int64_t now_ms,
                struct share_question *question);
/* Milliseconds until it may ask again; 0: now; -1: it waits for an answer. */
int64_t share_ask_ms(const struct share *share, int64_t now_ms);
void share_answered(struct share *share, const struct share_answer *answer, int64_t now_ms);
void share_lost(struct share *share, int64_t now_ms);
/* Places that are held and not void. */
size_t share_held(const struct share *share, int64_t now_ms);

/* "COUNT FROM AHEAD SECOND AGAIN PAUSE", as rate.lua answers. `answer->step_us` is left alone. */
bool share_answer_parse(const char *text, size_t len, struct share_answer *answer);

#endif
