#include "store_cases.h"

#include <stdio.h>

enum { STEPS_MAX = 18, LEASE_MS = 60000, KEEP_MS = 3600000, MAX_CRASHES = 2, TIER_MS = 50000 };

#define FAR_MS INT64_C(1800000000000) /* 2027; the clocks of both stores are before it */

enum step_kind {
        STEP_END,
        STEP_CALL,
        STEP_LOSE,
        STEP_DROP,
        STEP_QUEUE,
        STEP_EXPIRE_LEASE,
        STEP_SET_BACK,
        STEP_MAKE_LATE,  /* what waits was to come long ago, and no lease runs */
        STEP_FORGET_DUE, /* the record was left by a worker of the version that tells no due time */
        STEP_OLD_INTENT, /* effect 2, as a worker of the version with one intent for each job */
        STEP_LOOK, /* the record's state, starts, decision, signal, intents and effects are as in `record` */
};

struct step {
        enum step_kind kind;
        struct store_request request;
        enum claim_answer claim;
        enum lease_answer lease;
        uint32_t starts, decision, effects, intents, signal; /* of a claim's answer */
        struct job_generation as;                            /* of one that is the asker's, but not NEW */
        bool letter;
        bool doubt;           /* the answer tells of a start that had no end */
        struct store_try try; /* of effect 1 */
        uint32_t plan, plan_deaths;
        bool named; /* the claim names the latest death */
        bool far;   /* it has to wait for longer than any tier */
        struct store_record record;
        struct store_due due; /* the answer to DUE */
};

struct store_case {
        const char *name;
        struct step steps[STEPS_MAX];
};

#define GENERATION(r, a, d)                                                                                  \
        {                                                                                                    \
                .redrives = (r), .attempt = (a), .deferrals = (d)                                            \
        }
#define REQUEST(word, who, ...)                                                                              \
        {                                                                                                    \
                .script = (word), .owner = (who), .lease_ms = LEASE_MS, .keep_ms = KEEP_MS,                  \
                .max_crashes = MAX_CRASHES, .tier_ms = TIER_MS, .fingerprint = 7, __VA_ARGS__                \
        }
#define CLAIM(who, answer, ...)                                                                              \
        {                                                                                                    \
                .kind = STEP_CALL, .request = REQUEST(STORE_CLAIM, who, .effects_total = 0),                 \
                .claim = (answer), __VA_ARGS__                                                               \
        }
#define CLAIM_AS(who, r, a, d, answer, ...)                                                                  \
        {                                                                                                    \
                .kind = STEP_CALL, .request = REQUEST(STORE_CLAIM, who, .generation = GENERATION(r, a, d)),  \
                .claim = (answer), .as = GENERATION(r, a, d), __VA_ARGS__                                    \
        }
/* From outside, for the first time, with this dead id. */
#define CLAIM_OUTSIDE(who, letter_id, answer, ...)                                                           \
        {                                                                                                    \
                .kind = STEP_CALL,                                                                           \
                .request = REQUEST(STORE_CLAIM, who, .outside = true, .dead_id = (letter_id)),               \
                .claim = (answer), __VA_ARGS__                                                               \
        }
#define DIE(who, ...)                                                                                        \
        CALL(STORE_DECIDE, who, LEASE_OK, .decision = 9, .reason = 2),                                       \
                CALL(STORE_SETTLE, who, LEASE_OK, .dead = true, .decision = 9, .dead_id = 77, __VA_ARGS__)
/* Other content of that type, by on_conflict: first. */
#define CLAIM_OTHER(who, of_type, answer, ...)                                                               \
        {                                                                                                    \
                .kind = STEP_CALL,                                                                           \
                .request = {.script = STORE_CLAIM,                                                           \
                            .owner = (who),                                                                  \
                            .fingerprint = 8,                                                                \
                            .type = (of_type),                                                               \
                            .first = true,                                                                   \
                            .lease_ms = LEASE_MS,                                                            \
                            .keep_ms = KEEP_MS,                                                              \
                            .max_crashes = MAX_CRASHES},                                                     \
                .claim = (answer), __VA_ARGS__                                                               \
        }
#define CLAIM_ALONE(who, answer, ...)                                                                        \
        {                                                                                                    \
                .kind = STEP_CALL, .request = REQUEST(STORE_CLAIM, who, .alone = true), .claim = (answer),   \
                __VA_ARGS__                                                                                  \
        }
#define CALL(word, who, answer, ...)                                                                         \
        {                                                                                                    \
                .kind = STEP_CALL, .request = REQUEST(word, who, __VA_ARGS__), .lease = (answer)             \
        }
/* Effect 1 goes by this outlet from now on: the count-th such move. */
#define MOVE(who, answer, count, position)                                                                   \
        CALL(STORE_INTEND, who, answer, .moves = (count), .moved_effect = 1, .outlet = (position))
#define DO(what)                                                                                             \
        {                                                                                                    \
                .kind = STEP_##what                                                                          \
        }
#define ONE_DUE(what, r, a, d)                                                                               \
        {                                                                                                    \
                .change = (what), .generation = GENERATION(r, a, d)                                          \
        }
/* What others are still to be told of, `number` changes. */
#define DUE(number, ...)                                                                                     \
        {                                                                                                    \
                .kind = STEP_CALL, .request = {.script = STORE_DUE},                                         \
                .due = {.count = (number),                                                                   \
                        .list = {__VA_ARGS__} }                                                              \
        }
/* They were told of it. */
#define TOLD(number, ...)                                                                                    \
        {                                                                                                    \
                .kind = STEP_CALL, .request = {                                                              \
                        .script = STORE_DUE,                                                                 \
                        .told = {.count = (number), .list = {__VA_ARGS__}}                                   \
                }                                                                                            \
        }
#define LOOK(...)                                                                                            \
        {                                                                                                    \
                .kind = STEP_LOOK, .record = { __VA_ARGS__ }                                                 \
        }

static const struct store_case cases[] = {
        {"the first claim is new",
         {CLAIM(1, CLAIM_NEW, .starts = 1), LOOK(.state = STATE_RUNNING, .starts = 1)}},
        {"a queued record is new", {DO(QUEUE), CLAIM(1, CLAIM_NEW, .starts = 1)}},
        {"the same token again is mine",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CLAIM(1, CLAIM_MINE, .starts = 1)}},
        {"another token finds it busy",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CLAIM(2, CLAIM_BUSY, .starts = 1)}},
        {"after the clock went back it is busy for a whole lease from then on, and no longer",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(SET_BACK), CLAIM(2, CLAIM_BUSY, .starts = 1),
          LOOK(.state = STATE_RUNNING, .starts = 1), CALL(STORE_RENEW, 1, LEASE_OK)}},
        {"another content conflicts and changes nothing",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          {.kind = STEP_CALL,
           .request = {.script = STORE_CLAIM,
                       .owner = 2,
                       .fingerprint = 8,
                       .lease_ms = LEASE_MS,
                       .keep_ms = KEEP_MS,
                       .max_crashes = MAX_CRASHES},
           .claim = CLAIM_CONFLICT,
           .starts = 1},
          CLAIM(1, CLAIM_MINE, .starts = 1)}},
        {"what came first counts among messages of one type, whatever became of it",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CLAIM_OTHER(2, 0, CLAIM_FIRST, .starts = 1),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0)), CLAIM_OTHER(2, 0, CLAIM_FIRST),
          CLAIM_AS(1, 0, 1, 0, CLAIM_RESUMED, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effects_total = 1), CLAIM_OTHER(2, 0, CLAIM_FIRST)}},
        {"another type is no second of what came first",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CLAIM_OTHER(2, 1, CLAIM_CONFLICT, .starts = 1)}},
        {"of a job that is dead nothing came first",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DIE(1), CLAIM_OTHER(2, 0, CLAIM_CONFLICT)}},
        {"a completed job is done for everybody, whatever its generation",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1),
          LOOK(.state = STATE_COMPLETED, .effects = 1), CLAIM(2, CLAIM_DONE),
          CLAIM_AS(2, 1, 3, 0, CLAIM_DONE), CALL(STORE_COMPLETE, 2, LEASE_OK, .effects_total = 1),
          CALL(STORE_RECORD, 1, LEASE_LOST, .effect = 1)}},
        {"the completion of another content is not this one's",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effects_total = 1),
          {.kind = STEP_CALL,
           .request = {.script = STORE_COMPLETE,
                       .owner = 2,
                       .fingerprint = 8,
                       .lease_ms = LEASE_MS,
                       .keep_ms = KEEP_MS},
           .lease = LEASE_LOST}}},
        {"a fresh job is completed without a look at what it cannot hold",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1, .fresh = true),
          LOOK(.state = STATE_COMPLETED, .effects = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1, .fresh = true),
          CLAIM(2, CLAIM_DONE)}},
        {"a fresh job that was lost is made again by its completion, and is another's if that was faster",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(LOSE),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1, .fresh = true),
          LOOK(.state = STATE_COMPLETED, .effects = 1), DO(LOSE), CLAIM(2, CLAIM_NEW, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_LOST, .effect = 1, .effects_total = 1, .fresh = true),
          LOOK(.state = STATE_RUNNING, .starts = 1)}},
        {"a fresh job that was taken over is not its first owner's to complete, and keeps what the other "
         "recorded",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true),
          CALL(STORE_COMPLETE, 1, LEASE_LOST, .effect = 1, .effects_total = 1, .fresh = true),
          LOOK(.state = STATE_RUNNING, .starts = 2),
          CALL(STORE_COMPLETE, 2, LEASE_OK, .effect = 1, .effects_total = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 2, .effects_total = 1, .fresh = true),
          LOOK(.state = STATE_COMPLETED, .effects = 1)}},
        {"a fresh job is completed after a renewal, and after another's claim was refused",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_RENEW, 1, LEASE_OK), CLAIM(2, CLAIM_BUSY, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1, .fresh = true, .tells = true),
          LOOK(.state = STATE_COMPLETED, .effects = 1), DUE(1, ONE_DUE(CHANGE_COMPLETED, 0, 0, 0))}},
        {"a new job that is not the first try is that generation",
         {CLAIM_AS(1, 0, 2, 1, CLAIM_NEW, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .generation = GENERATION(0, 2, 1), .effect = 1,
               .effects_total = 1, .fresh = true, .tells = true),
          DUE(1, ONE_DUE(CHANGE_COMPLETED, 0, 2, 1))}},
        {"others are told once that a fresh job is completed, however often that is asked for",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1, .fresh = true, .tells = true),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1, .fresh = true, .tells = true),
          DUE(1, ONE_DUE(CHANGE_COMPLETED, 0, 0, 0)), CALL(STORE_RENEW, 1, LEASE_LOST),
          CALL(STORE_DECIDE, 1, LEASE_LOST, .decision = 3), LOOK(.state = STATE_COMPLETED, .effects = 1)}},
        {"a worker that dies of a fresh job says so, and nothing of it is lost",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_KILLED, 1, LEASE_OK, .signal = 11), DO(EXPIRE_LEASE),
          CLAIM(2, CLAIM_SUSPECT, .starts = 1, .signal = 11),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true),
          CALL(STORE_COMPLETE, 2, LEASE_OK, .effect = 1, .effects_total = 1), CLAIM(3, CLAIM_DONE)}},
        {"a start without an end is a suspect, then runs alone",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(EXPIRE_LEASE), CLAIM(2, CLAIM_SUSPECT, .starts = 1),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true),
          CLAIM_ALONE(2, CLAIM_MINE, .starts = 2, .doubt = true)}},
        {"as many starts without an end as may be are a crash loop, asked once or twice",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true), DO(EXPIRE_LEASE),
          CLAIM(3, CLAIM_CRASHED, .starts = 3, .doubt = true),
          CLAIM(3, CLAIM_CRASHED, .starts = 3, .doubt = true), CALL(STORE_DECIDE, 3, LEASE_OK, .decision = 9),
          CLAIM(3, CLAIM_MINE, .starts = 3, .decision = 9, .doubt = true)}},
        {"what was sent and what was intended is told to who resumes",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .sent = true, .effects_total = 3),
          CALL(STORE_INTEND, 1, LEASE_OK, .effect = 2), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true, .effects = 1, .intents = 2)}},
        {"a refused effect clears its intent and is not recorded as sent",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .effects_total = 1),
          CLAIM(1, CLAIM_MINE, .starts = 1)}},
        {"an effect recorded late leaves the intent of the next",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 2),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .sent = true, .effects_total = 2),
          CLAIM(1, CLAIM_MINE, .starts = 1, .effects = 1, .intents = 2)}},
        {"an intent that comes after its effect was recorded is none",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .sent = true, .effects_total = 2),
          CALL(STORE_INTEND, 1, LEASE_OK, .effect = 2), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CLAIM(1, CLAIM_MINE, .starts = 1, .effects = 1, .intents = 2)}},
        {"each effect has an intent of its own",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 2),
          CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .effects_total = 2),
          CLAIM(1, CLAIM_MINE, .starts = 1, .intents = 2), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .void_effect = 1),
          CLAIM(1, CLAIM_MINE, .starts = 1, .decision = 9, .intents = 2)}},
        {"the intent of a worker of the version before is believed",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(OLD_INTENT), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true, .intents = 2),
          CALL(STORE_RECORD, 2, LEASE_OK, .effect = 2, .sent = true, .effects_total = 2),
          CLAIM_ALONE(2, CLAIM_MINE, .starts = 2, .effects = 2, .doubt = true)}},
        {"completion leaves no intent",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effect = 1, .effects_total = 1),
          LOOK(.state = STATE_COMPLETED, .effects = 1)}},
        {"what killed the last worker is told to who declares the crash loop, asked once or twice",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_KILLED, 1, LEASE_OK, .signal = 6), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true),
          CALL(STORE_KILLED, 2, LEASE_OK, .signal = 11), DO(EXPIRE_LEASE),
          CLAIM(3, CLAIM_CRASHED, .starts = 3, .doubt = true, .signal = 11),
          CLAIM(3, CLAIM_CRASHED, .starts = 3, .doubt = true, .signal = 11),
          CALL(STORE_SETTLE, 3, LEASE_OK, .dead = true),
          LOOK(.state = STATE_DEAD, .signal = 11, .expires_after_ms = -1)}},
        {"what killed a worker before the last is not told",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_KILLED, 1, LEASE_OK, .signal = 6), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true),
          LOOK(.state = STATE_RUNNING, .starts = 2), DO(EXPIRE_LEASE),
          CLAIM(3, CLAIM_CRASHED, .starts = 3, .doubt = true)}},
        {"last words about a job of another change nothing, and make no record",
         {CALL(STORE_KILLED, 1, LEASE_LOST, .signal = 11), CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_KILLED, 2, LEASE_LOST, .signal = 11), LOOK(.state = STATE_RUNNING, .starts = 1),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effects_total = 1),
          CALL(STORE_KILLED, 1, LEASE_LOST, .signal = 11), LOOK(.state = STATE_COMPLETED), DO(LOSE),
          CALL(STORE_KILLED, 1, LEASE_LOST, .signal = 11), CLAIM(2, CLAIM_NEW, .starts = 1)}},
        {"a decision is found by who resumes, and no start is counted for it",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .reason = 2), DO(EXPIRE_LEASE),
          CLAIM(2, CLAIM_RESUMED, .starts = 1, .decision = 9, .intents = 1),
          CALL(STORE_RENEW, 1, LEASE_LOST)}},
        {"a decision may void the intent",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .void_effect = 1),
          LOOK(.state = STATE_RUNNING, .starts = 1, .decision = 9)}},
        {"after a settled retry the older copy is stale and the newer goes on",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0)), LOOK(.state = STATE_RETRYING),
          CALL(STORE_SETTLE, 1, LEASE_LOST, .copy = GENERATION(0, 1, 0)), CLAIM(2, CLAIM_WAITING),
          CLAIM_AS(3, 0, 1, 0, CLAIM_RESUMED, .starts = 1),
          CLAIM_AS(2, 0, 0, 5, CLAIM_WAITING, .starts = 1)}},
        {"whoever carried a decision out settles it, though another found it in the record",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9), DO(EXPIRE_LEASE),
          CLAIM(2, CLAIM_RESUMED, .starts = 1, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_LOST, .decision = 8, .copy = GENERATION(0, 1, 0)),
          CALL(STORE_SETTLE, 1, LEASE_LOST, .decision = 9, .generation = GENERATION(0, 1, 0),
               .copy = GENERATION(0, 2, 0)),
          CALL(STORE_SETTLE, 1, LEASE_LOST, .copy = GENERATION(0, 1, 0)),
          CALL(STORE_SETTLE, 1, LEASE_OK, .decision = 9, .copy = GENERATION(0, 1, 0)),
          LOOK(.state = STATE_RETRYING),
          CALL(STORE_SETTLE, 2, LEASE_LOST, .decision = 9, .copy = GENERATION(0, 1, 0)),
          LOOK(.state = STATE_RETRYING)}},
        {"what another found to be for later is scheduled by whoever has its copy",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9), DO(EXPIRE_LEASE),
          CLAIM(2, CLAIM_RESUMED, .starts = 1, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .decision = 9, .copy = GENERATION(0, 0, 1), .scheduled = true,
               .due_ms = FAR_MS, .delay_ms = 5000),
          LOOK(.state = STATE_SCHEDULED)}},
        {"a letter of a decision that another found is the job's",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .reason = 2),
          DO(EXPIRE_LEASE), CLAIM(2, CLAIM_RESUMED, .starts = 1, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .dead = true, .decision = 9, .dead_id = 77),
          LOOK(.state = STATE_DEAD, .expires_after_ms = -1)}},
        {"a lesser copy takes over when the greater has not come, and the greater is then the lesser",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0), .delay_ms = 5000),
          CLAIM(2, CLAIM_WAITING), DO(MAKE_LATE),
          CLAIM(2, CLAIM_RESUMED, .starts = 1, .as = GENERATION(0, 1, 1)),
          CLAIM(2, CLAIM_MINE, .starts = 1, .as = GENERATION(0, 1, 1)),
          CLAIM_AS(3, 0, 1, 0, CLAIM_WAITING, .starts = 1)}},
        {"where no due time is told the longest delay is waited for, from when first asked",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0), .delay_ms = 5000), DO(FORGET_DUE),
          CLAIM(2, CLAIM_WAITING), DO(MAKE_LATE),
          CLAIM(2, CLAIM_RESUMED, .starts = 1, .as = GENERATION(0, 1, 1))}},
        {"a lesser copy takes over from a worker that died, with what it may have sent",
         {CLAIM_AS(1, 0, 1, 0, CLAIM_NEW, .starts = 1),
          CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1, .generation = GENERATION(0, 1, 0)),
          CLAIM(2, CLAIM_WAITING, .starts = 1), DO(EXPIRE_LEASE), CLAIM(2, CLAIM_SUSPECT, .starts = 1),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true, .intents = 1,
                      .as = GENERATION(0, 1, 0))}},
        {"a newer copy takes over at once and forgets the older run",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .sent = true, .effects_total = 2),
          CALL(STORE_INTEND, 1, LEASE_OK, .effect = 2), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CLAIM_AS(2, 0, 0, 1, CLAIM_RESUMED, .starts = 1, .effects = 1), CALL(STORE_SETTLE, 1, LEASE_LOST)}},
        {"a lesser copy is not told the decision of a newer run",
         {CLAIM_AS(1, 0, 1, 0, CLAIM_NEW, .starts = 1),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .generation = GENERATION(0, 1, 0)),
          CLAIM(2, CLAIM_WAITING, .starts = 1)}},
        {"a redrive of a dead job is carried out",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DIE(1), LOOK(.state = STATE_DEAD, .expires_after_ms = -1),
          CLAIM_AS(2, 1, 0, 0, CLAIM_RESUMED, .starts = 1), LOOK(.state = STATE_RUNNING, .starts = 1),
          CLAIM_AS(3, 0, 4, 0, CLAIM_WAITING, .starts = 1)}},
        {"a copy of the life that ended becomes a letter again, once its death is named",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DIE(1), CLAIM_AS(2, 0, 4, 0, CLAIM_DEAD),
          LOOK(.state = STATE_DEAD, .expires_after_ms = -1),
          CLAIM(2, CLAIM_RESUMED, .decision = 9, .named = true),
          CALL(STORE_SETTLE, 2, LEASE_OK, .dead = true, .decision = 9, .dead_id = 77),
          LOOK(.state = STATE_DEAD, .expires_after_ms = -1)}},
        {"a letter that was moved is a redrive, and what was sent is not sent again",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .sent = true, .effects_total = 2), DIE(1),
          CLAIM_OUTSIDE(2, 77, CLAIM_DEAD),
          CLAIM_OUTSIDE(2, 77, CLAIM_RESUMED, .starts = 1, .effects = 1, .as = GENERATION(1, 0, 0),
                        .letter = true, .named = true),
          CLAIM_OUTSIDE(2, 77, CLAIM_MINE, .starts = 1, .effects = 1, .as = GENERATION(1, 0, 0),
                        .letter = true),
          CLAIM_OUTSIDE(3, 77, CLAIM_WAITING, .starts = 1)}},
        {"a message that is sent again after its job died is a redrive, but no letter",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DIE(1),
          CLAIM_OUTSIDE(2, 78, CLAIM_RESUMED, .starts = 1, .as = GENERATION(1, 0, 0), .named = true)}},
        {"what may have been sent is sent again by its letter alone",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .reason = REASON_AMBIGUOUS_SEND),
          CALL(STORE_SETTLE, 1, LEASE_OK, .dead = true, .decision = 9, .dead_id = 77),
          CLAIM_OUTSIDE(2, 0, CLAIM_RESUMED, .decision = 9, .named = true),
          CALL(STORE_SETTLE, 2, LEASE_OK, .dead = true, .decision = 9, .dead_id = 77),
          CLAIM_OUTSIDE(3, 77, CLAIM_RESUMED, .starts = 1, .as = GENERATION(1, 0, 0), .letter = true,
                        .named = true)}},
        {"a send without an end is not begun again by a message from outside after a crash loop",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_INTEND, 1, LEASE_OK, .effect = 1), DIE(1),
          CLAIM_OUTSIDE(2, 0, CLAIM_RESUMED, .decision = 9, .intents = 1, .named = true)}},
        {"a start that had no end is told for as long as the record stands",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true),
          CLAIM(2, CLAIM_MINE, .starts = 2, .doubt = true), CALL(STORE_DECIDE, 2, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 2, LEASE_OK, .copy = GENERATION(0, 1, 0)),
          CLAIM_AS(3, 0, 1, 0, CLAIM_RESUMED, .starts = 1, .doubt = true)}},
        {"the start before a crash loop is told too, after a redrive",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true), DO(EXPIRE_LEASE),
          CLAIM(3, CLAIM_CRASHED, .starts = 3, .doubt = true), DIE(3),
          CLAIM_AS(4, 1, 0, 0, CLAIM_RESUMED, .starts = 1, .doubt = true)}},
        {"a newer copy that takes over from a run without a decision finds its start told",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CLAIM_AS(2, 0, 0, 1, CLAIM_RESUMED, .starts = 1, .doubt = true)}},
        {"a decision says of a try how it stands, for every later run",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9,
               .tries = {{.told = true,
                          .outlet = 1,
                          .refusals = 2,
                          .ambiguous = true,
                          .redrives = 3,
                          .from_ms = 4,
                          .since_ms = 5,
                          .cleared_ms = 6,
                          .spent = {.redrives = 3, .tries = 1}}}),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0)),
          CLAIM_AS(2, 0, 1, 0, CLAIM_RESUMED, .starts = 1,
                   .try = {.outlet = 1,
                           .refusals = 2,
                           .ambiguous = true,
                           .redrives = 3,
                           .from_ms = 4,
                           .since_ms = 5,
                           .cleared_ms = 6,
                           .spent = {.redrives = 3, .tries = 1}})}},
        {"the latest outlet is recorded before it is used, and a late request does not take it back",
         {CLAIM(1, CLAIM_NEW, .starts = 1), MOVE(1, LEASE_OK, 1, 1), MOVE(1, LEASE_OK, 1, 1),
          MOVE(1, LEASE_OK, 2, 2), MOVE(1, LEASE_OK, 1, 1), LOOK(.state = STATE_RUNNING, .starts = 1),
          CLAIM(1, CLAIM_MINE, .starts = 1, .try = {.outlet = 2}), DO(EXPIRE_LEASE),
          CLAIM_ALONE(2, CLAIM_RESUMED, .starts = 2, .doubt = true, .try = {.outlet = 2}),
          MOVE(2, LEASE_OK, 1, 0), CLAIM(2, CLAIM_MINE, .starts = 2, .doubt = true),
          MOVE(1, LEASE_LOST, 3, 1)}},
        {"a plan is recorded by its owner alone, and found by all later runs until its record is dropped",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_KEEP, 1, LEASE_OK, .plan = 5),
          CALL(STORE_KEEP, 2, LEASE_LOST, .plan = 6), CLAIM(1, CLAIM_MINE, .starts = 1, .plan = 5),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0)),
          CLAIM_AS(2, 0, 1, 0, CLAIM_RESUMED, .starts = 1, .plan = 5), DIE(2),
          CLAIM_AS(3, 1, 0, 0, CLAIM_RESUMED, .starts = 1, .plan = 5),
          CALL(STORE_DECIDE, 3, LEASE_OK, .decision = 9, .reason = 2),
          CALL(STORE_SETTLE, 3, LEASE_OK, .dead = true, .decision = 9, .dead_id = 77,
               .copy = GENERATION(1, 0, 0)),
          DO(DROP), CLAIM(4, CLAIM_NEW, .starts = 1), CLAIM(4, CLAIM_MINE, .starts = 1)}},
        {"planners that died of it are counted until it is redriven",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .plan_deaths = 2),
          CLAIM(1, CLAIM_MINE, .starts = 1, .decision = 9, .plan_deaths = 2),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 0, 1)),
          CLAIM_AS(2, 0, 0, 1, CLAIM_RESUMED, .starts = 1, .plan_deaths = 2), DIE(2),
          CLAIM_AS(3, 1, 0, 0, CLAIM_RESUMED, .starts = 1)}},
        {"an original that the broker was to move is told so when it comes again",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .dead = true, .rejected = true, .decision = 9),
          CLAIM(2, CLAIM_STALE, .decision = 9)}},
        {"a dropped record is as none",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .sent = true, .effects_total = 2), DIE(1), DO(DROP),
          CLAIM(2, CLAIM_NEW, .starts = 1), LOOK(.state = STATE_RUNNING, .starts = 1)}},
        {"a lost record is made again by who still works on it",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(LOSE), CALL(STORE_RENEW, 1, LEASE_OK),
          LOOK(.state = STATE_RUNNING, .starts = 1), CALL(STORE_RENEW, 2, LEASE_LOST),
          CLAIM(2, CLAIM_BUSY, .starts = 1)}},
        {"a job that waits is cancelled, and every copy of it is told so",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_CANCEL, 9, LEASE_LOST),
          CALL(STORE_RECORD, 1, LEASE_OK, .effect = 1, .sent = true, .effects_total = 2),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0), .delay_ms = 5000),
          CALL(STORE_CANCEL, 9, LEASE_OK), LOOK(.state = STATE_CANCELLED, .effects = 1),
          CALL(STORE_CANCEL, 9, LEASE_LOST), CALL(STORE_SETTLE, 1, LEASE_LOST, .copy = GENERATION(0, 1, 0)),
          CLAIM(2, CLAIM_CANCELLED), CLAIM_AS(3, 0, 1, 0, CLAIM_CANCELLED),
          CLAIM_AS(3, 1, 0, 0, CLAIM_CANCELLED), LOOK(.state = STATE_CANCELLED, .effects = 1)}},
        {"a lesser copy waits for what is scheduled, however long, and takes over when that has not come",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 0, 1), .scheduled = true, .due_ms = FAR_MS,
               .delay_ms = 5000),
          LOOK(.state = STATE_SCHEDULED), CLAIM(2, CLAIM_WAITING, .far = true), DO(MAKE_LATE),
          CLAIM(2, CLAIM_RESUMED, .starts = 1, .as = GENERATION(0, 0, 2))}},
        {"what is scheduled is done when it comes, or cancelled",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 0, 1), .scheduled = true, .due_ms = FAR_MS,
               .delay_ms = 5000),
          CLAIM_AS(3, 0, 0, 1, CLAIM_RESUMED, .starts = 1), CALL(STORE_DECIDE, 3, LEASE_OK, .decision = 9),
          CALL(STORE_SETTLE, 3, LEASE_OK, .copy = GENERATION(0, 0, 2), .scheduled = true, .due_ms = FAR_MS,
               .delay_ms = 5000),
          CALL(STORE_CANCEL, 9, LEASE_OK), CLAIM_AS(3, 0, 0, 2, CLAIM_CANCELLED)}},
        {"a message that no worker has seen is cancelled",
         {CALL(STORE_CANCEL, 9, LEASE_LOST), DO(QUEUE), CALL(STORE_CANCEL, 9, LEASE_OK),
          CLAIM(2, CLAIM_CANCELLED)}},
        {"what runs or is over is not cancelled, also under a lease that ran out",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DO(EXPIRE_LEASE), CALL(STORE_CANCEL, 9, LEASE_LOST),
          CALL(STORE_COMPLETE, 1, LEASE_OK, .effects_total = 1), CALL(STORE_CANCEL, 9, LEASE_LOST),
          LOOK(.state = STATE_COMPLETED), DO(LOSE), CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_DECIDE, 1, LEASE_OK, .decision = 9, .reason = 2),
          CALL(STORE_SETTLE, 1, LEASE_OK, .dead = true, .decision = 9, .dead_id = 77),
          CALL(STORE_CANCEL, 9, LEASE_LOST), DO(DROP), CALL(STORE_CANCEL, 9, LEASE_LOST)}},
        {"of nothing others are told unless that is asked for",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0)),
          DUE(0), CLAIM_AS(2, 0, 1, 0, CLAIM_RESUMED, .starts = 1),
          CALL(STORE_COMPLETE, 2, LEASE_OK, .generation = GENERATION(0, 1, 0)), DUE(0)}},
        {"others are told of each change until they were, in its order",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 1, 0), .tells = true),
          DUE(1, ONE_DUE(CHANGE_RETRYING, 0, 1, 0)), CLAIM_AS(2, 0, 1, 0, CLAIM_RESUMED, .starts = 1),
          CALL(STORE_COMPLETE, 2, LEASE_OK, .generation = GENERATION(0, 1, 0), .tells = true),
          DUE(2, ONE_DUE(CHANGE_RETRYING, 0, 1, 0), ONE_DUE(CHANGE_COMPLETED, 0, 1, 0)),
          TOLD(1, ONE_DUE(CHANGE_RETRYING, 0, 1, 0)), DUE(1, ONE_DUE(CHANGE_COMPLETED, 0, 1, 0)),
          TOLD(1, ONE_DUE(CHANGE_COMPLETED, 0, 1, 0)), DUE(0), LOOK(.state = STATE_COMPLETED)}},
        {"others are told of a death and of its end by a redrive",
         {CLAIM(1, CLAIM_NEW, .starts = 1), DIE(1, .tells = true), DUE(1, ONE_DUE(CHANGE_DEAD, 0, 0, 0)),
          CLAIM_AS(2, 1, 0, 0, CLAIM_RESUMED, .starts = 1), DUE(1, ONE_DUE(CHANGE_DEAD, 0, 0, 0)),
          CALL(STORE_COMPLETE, 2, LEASE_OK, .generation = GENERATION(1, 0, 0), .effect = 1,
               .effects_total = 1, .tells = true),
          DUE(2, ONE_DUE(CHANGE_DEAD, 0, 0, 0), ONE_DUE(CHANGE_COMPLETED, 1, 0, 0)),
          CALL(STORE_COMPLETE, 2, LEASE_OK, .generation = GENERATION(1, 0, 0), .tells = true),
          DUE(2, ONE_DUE(CHANGE_DEAD, 0, 0, 0), ONE_DUE(CHANGE_COMPLETED, 1, 0, 0))}},
        {"others are told of what was cancelled, and not of what is for later",
         {CLAIM(1, CLAIM_NEW, .starts = 1),
          CALL(STORE_SETTLE, 1, LEASE_OK, .copy = GENERATION(0, 0, 1), .scheduled = true, .due_ms = FAR_MS,
               .delay_ms = 5000, .tells = true),
          DUE(0), CALL(STORE_CANCEL, 9, LEASE_OK, .tells = true), DUE(1, ONE_DUE(CHANGE_CANCELLED, 1, 0, 1)),
          CALL(STORE_CANCEL, 9, LEASE_LOST, .tells = true), DUE(1, ONE_DUE(CHANGE_CANCELLED, 1, 0, 1))}},
        {"a change that was told of and is no more makes no record",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_COMPLETE, 1, LEASE_OK, .tells = true), DO(LOSE),
          TOLD(1, ONE_DUE(CHANGE_COMPLETED, 0, 0, 0)), DUE(0), CLAIM(2, CLAIM_NEW, .starts = 1)}},
        {"nothing is answered ok to who does not own it",
         {CLAIM(1, CLAIM_NEW, .starts = 1), CALL(STORE_RENEW, 2, LEASE_LOST),
          CALL(STORE_INTEND, 2, LEASE_LOST, .effect = 1),
          CALL(STORE_RECORD, 2, LEASE_LOST, .effect = 1, .sent = true),
          CALL(STORE_COMPLETE, 2, LEASE_LOST, .effects_total = 1),
          CALL(STORE_DECIDE, 2, LEASE_LOST, .decision = 9), CALL(STORE_SETTLE, 2, LEASE_LOST),
          LOOK(.state = STATE_RUNNING, .starts = 1)}},
};

size_t store_case_count(void)
{
        return sizeof cases / sizeof *cases;
}

const char *store_case_name(size_t index)
{
        return cases[index].name;
}

static bool try_matches(const struct store_try *got, const struct store_try *want)
{
        return got->outlet == want->outlet && got->refusals == want->refusals &&
               got->ambiguous == want->ambiguous && got->redrives == want->redrives &&
               got->from_ms == want->from_ms && got->since_ms == want->since_ms &&
               got->cleared_ms == want->cleared_ms && got->spent.redrives == want->spent.redrives &&
               got->spent.tries == want->spent.tries;
}

static bool claim_matches(const struct step *step, const struct store_reply *got)
{
        bool left = got->lease_left_ms == 0;
        if (step->claim == CLAIM_BUSY)
                left = got->lease_left_ms > 0 && got->lease_left_ms <= LEASE_MS;
        else if (step->claim == CLAIM_WAITING)
                left = step->far ? got->lease_left_ms > LEASE_MS + STORE_LATE_MS
                                 : got->lease_left_ms > 0 && got->lease_left_ms <= LEASE_MS + STORE_LATE_MS;
        else if (step->claim == CLAIM_DEAD)
                left = got->lease_left_ms > 0;
        if (step->claim == CLAIM_RESUMED || step->claim == CLAIM_MINE || step->claim == CLAIM_CRASHED)
                left &= job_generation_compare(got->generation, step->as) == 0 &&
                        got->letter == step->letter && (got->doubt_ms != 0) == step->doubt &&
                        try_matches(&got->tries[0], &step->try) && got->plan == step->plan &&
                        got->plan_deaths == step->plan_deaths;
        return got->claim == step->claim && got->starts == step->starts && got->decision == step->decision &&
               got->signal == step->signal && got->intents == step->intents &&
               got->effects == step->effects && left;
}

static bool due_matches(const struct store_due *want, const struct store_due *got)
{
        bool same = want->count == got->count;
        for (uint8_t i = 0; same && i < want->count; i++)
                same = want->list[i].change == got->list[i].change &&
                       job_generation_compare(want->list[i].generation, got->list[i].generation) == 0;
        return same;
}

static bool call_matches(const struct step *step, const struct store_driver *driver, char *error, size_t size)
{
        struct store_request request = step->request;
        if (step->named) /* asked first without, as a worker does */
                request.death_ms = driver->call(driver->context, &request).lease_left_ms;
        struct store_reply got = driver->call(driver->context, &request);
        if (step->request.script == STORE_DUE) {
                snprintf(error, size, "due: wanted %u, got %u", step->due.count, got.due.count);
                return step->request.told.count > 0 || due_matches(&step->due, &got.due);
        }
        if (step->request.script != STORE_CLAIM) {
                snprintf(error, size, "%s: wanted %s, got %s", store_script_word(step->request.script),
                         step->lease == LEASE_OK ? "ok" : "lost", got.lease == LEASE_OK ? "ok" : "lost");
                return got.lease == step->lease;
        }
        snprintf(error, size,
                 "claim: wanted %s starts %u decision %u signal %u intents %x effects %x, got %s starts %u "
                 "decision %u signal %u intents %x effects %x left %lld as %u.%u.%u letter %d doubt %d "
                 "outlet %d refusals %d ambiguous %d plan %u deaths %u",
                 claim_answer_word(step->claim), step->starts, step->decision, step->signal, step->intents,
                 step->effects, claim_answer_word(got.claim), got.starts, got.decision, got.signal,
                 got.intents, got.effects, (long long)got.lease_left_ms, got.generation.redrives,
                 got.generation.attempt, got.generation.deferrals, got.letter, got.doubt_ms != 0,
                 got.tries[0].outlet, got.tries[0].refusals, got.tries[0].ambiguous, got.plan,
                 got.plan_deaths);
        return claim_matches(step, &got);
}

static bool look_matches(const struct store_record *want, const struct store_driver *driver, char *error,
                         size_t size)
{
        struct store_record got = driver->look(driver->context, 0);
        snprintf(
                error, size,
                "record: wanted %s starts %u decision %u signal %u intents %x effects %x, got %s %u %u %u %x "
                "%x, %s",
                store_state_word(want->state), want->starts, want->decision, want->signal, want->intents,
                want->effects, store_state_word(got.state), got.starts, got.decision, got.signal, got.intents,
                got.effects, got.expires_after_ms < 0 ? "kept for ever" : "expires");
        return got.lease_until_ms <= LEASE_MS && got.state == want->state && got.starts == want->starts &&
               got.decision == want->decision && got.signal == want->signal && got.intents == want->intents &&
               got.effects == want->effects && (got.expires_after_ms < 0) == (want->expires_after_ms < 0);
}

static bool step_run(const struct step *step, const struct store_driver *driver, char *error, size_t size)
{
        switch (step->kind) {
        case STEP_END:
                break;
        case STEP_CALL:
                return call_matches(step, driver, error, size);
        case STEP_LOSE:
                driver->lose(driver->context, 0);
                break;
        case STEP_DROP:
                driver->drop(driver->context, 0);
                break;
        case STEP_QUEUE:
                driver->queue(driver->context, 0);
                break;
        case STEP_EXPIRE_LEASE:
                driver->expire_lease(driver->context, 0);
                break;
        case STEP_MAKE_LATE:
                driver->set_due(driver->context, 0, 1);
                break;
        case STEP_FORGET_DUE:
                driver->set_due(driver->context, 0, 0);
                break;
        case STEP_SET_BACK:
                driver->set_back(driver->context, 0);
                break;
        case STEP_OLD_INTENT:
                driver->old_intent(driver->context, 0, 2);
                break;
        case STEP_LOOK:
                return look_matches(&step->record, driver, error, size);
        }
        return true;
}

bool store_case_run(size_t index, const struct store_driver *driver, char *error, size_t error_size)
{
        char what[200];
        driver->reset(driver->context);
        for (int i = 0; i < STEPS_MAX && cases[index].steps[i].kind != STEP_END; i++)
                if (!step_run(&cases[index].steps[i], driver, what, sizeof what)) {
                        snprintf(error, error_size, "%s: step %d: %s", cases[index].name, i + 1, what);
                        return false;
                }
        return true;
}
