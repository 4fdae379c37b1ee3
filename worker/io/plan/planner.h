#ifndef LEVERET_IO_PLANNER_H
#define LEVERET_IO_PLANNER_H

#include "core/plan/plan_answer.h"
#include "core/settings/config.h"

#include <uv.h>

/*
 * Who makes the plans of one type outside of leveret: an HTTP service that is posted a CloudEvent for each
 * job, or programs that read a line for each and answer with one. Lives on one loop. A program plans one job
 * at a time; what there is no room for waits, the first to come first.
 */
struct planner;

enum planner_end {
        PLANNER_ANSWERED, /* `answer` is what it said, as JSON */
        PLANNER_REFUSED,  /* HTTP 4xx: dead as `rejected` */
        PLANNER_GARBAGE,  /* what it said is no answer: dead as `bad_plan` */
        PLANNER_LATE,     /* nothing within its time limit */
        PLANNER_DIED,     /* the program ended while it planned this job */
        PLANNER_FAILED,   /* HTTP 3xx, 5xx, 408, 425, 429, no connection, no program could be started */
};

/* How a question ended. Borrowed during the call. */
struct planner_answer {
        enum planner_end end;
        const json_t *answer;   /* PLANNER_ANSWERED */
        const char *error;      /* all others: what was wrong, one line */
        int64_t retry_after_ms; /* PLANNER_FAILED: what it asked for; -1: nothing */
};

/* Once for each question that is not forgotten, never from inside planner_ask. */
typedef void planner_done(void *context, const struct planner_answer *answer);

/* Opens the planner of that type; programs are started at once and again when they end. The settings are
 * copied. */
struct planner *planner_open(uv_loop_t *loop, const struct config_handler *settings);
/* Are these still its settings? */
bool planner_is(const struct planner *planner, const struct config_handler *settings);
/* Ends the programs with their process groups. Open questions are never answered; the memory is freed when
 * the loop has turned and the programs have ended. */
void planner_close(struct planner *planner);

struct planner_ask;
/* Asks. NULL if no program can be started at present: planner_trouble says why. The question is copied.
 */
struct planner_ask *planner_ask(struct planner *planner, const struct plan_question *question,
                                planner_done *done, void *context);
/* Is it being planned, or does it wait for a place? */
bool planner_ask_began(const struct planner_ask *ask);
/* The answer is of no interest any more; `done` is not called. A program that has begun may end in peace. */
void planner_ask_forget(struct planner_ask *ask);

/* Why no program runs, one line; "" if that is not so. */
const char *planner_trouble(const struct planner *planner);
/* How many programs run, how often one was started since the start, how many questions are under way and
 * wait. */
struct planner_numbers {
        size_t running, under_way, waiting;
        uint64_t starts;
};
struct planner_numbers planner_numbers(const struct planner *planner);

#endif
