#ifndef LEVERET_SIM_FAKE_STORE_H
#define LEVERET_SIM_FAKE_STORE_H

#include "core/job/protocol.h"

/*
 * The scripts of worker/io/redis/lua as C over a few records in memory: the same answers to the same calls.
 * Texts that the scripts only keep and hand back are numbers here (0: the empty text). store_cases.h holds
 * both to their word.
 */
enum {
        STORE_RECORDS_MAX = 4,
        STORE_EFFECTS_MAX = 8,
        STORE_TRIES_MAX = 3,
        STORE_LATE_MS = 30000,
        STORE_DUE_MAX = 12,
};
#define STORE_SCHEDULE_MS (INT64_C(401) * 86400000)

enum store_script {
        STORE_CLAIM,
        STORE_RENEW,
        STORE_KEEP,
        STORE_INTEND,
        STORE_RECORD,
        STORE_COMPLETE,
        STORE_DECIDE,
        STORE_SETTLE,
        STORE_KILLED,
        STORE_CANCEL,
        STORE_DUE,
};
enum { STORE_SCRIPT_COUNT = STORE_DUE + 1 };
const char *store_script_word(enum store_script script);

/* What is recorded of an effect's tries: the fields outlet.<key>, try.<key> and spent.<key>. */
struct store_try {
        uint8_t outlet; /* position among the effect's */
        uint8_t refusals;
        bool ambiguous, told; /* told: DECIDE is to record it */
        uint32_t redrives;
        int64_t from_ms, since_ms; /* ambiguous: as in struct job_try, by the store's clock */
        int64_t cleared_ms;        /* the doubt that this ended */
        struct job_spent spent;
};

/* Changes of which others are to be told: the field event_due. */
struct store_due {
        uint8_t count;
        struct {
                enum job_change change;
                struct job_generation generation;
        } list[STORE_DUE_MAX];
};

struct store_request {
        enum store_script script;
        uint8_t id; /* of the record */
        uint64_t owner;
        int64_t lease_ms, keep_ms;
        struct job_generation generation;
        uint32_t fingerprint, type;
        bool first;           /* CLAIM: on_conflict */
        bool quick;           /* CLAIM: by RESTORE, .. */
        int64_t at_ms;        /* .. at this time by the asker's knowledge of the store's clock */
        uint32_t tells_of;    /* CLAIM: bit per enum job_change: of these others are told */
        bool alone;           /* CLAIM */
        uint32_t max_crashes; /* CLAIM */
        bool outside;         /* CLAIM: a publisher's or a moved message, delivered for the first time */
        int64_t death_ms;     /* CLAIM: lease_left_ms of an answer CLAIM_DEAD; 0: none */
        uint32_t dead_id;     /* CLAIM: that the message carries; SETTLE: of the letter; 0: none */
        int64_t tier_ms;      /* CLAIM: the longest delay */
        int64_t delay_ms;     /* SETTLE: how long the copy waits */
        uint8_t effect;       /* INTEND, RECORD, COMPLETE: number from 1, 0: none */
        uint16_t moves;       /* INTEND: how often an effect went on to another outlet; 0: this does not */
        uint8_t moved_effect, outlet; /* INTEND: which one does, number from 1, and to which outlet */
        struct store_try tries[STORE_TRIES_MAX]; /* DECIDE, by effect */
        bool sent;                               /* RECORD: else refused */
        bool fresh;                              /* COMPLETE: changes no answer, only what is looked at */
        uint8_t effects_total, effects_done;
        uint32_t decision, reason, error; /* DECIDE */
        uint8_t void_effect;              /* DECIDE: its intent came to nothing; number from 1, 0: none */
        bool dead;                        /* SETTLE: else scheduled or retrying */
        bool scheduled;                   /* SETTLE: due at due_ms */
        int64_t due_ms;
        bool rejected;              /* SETTLE: the broker is to move the original, no copy exists */
        struct job_generation copy; /* SETTLE */
        bool tells;                 /* COMPLETE, SETTLE, CANCEL: others are to be told of this change */
        struct store_due told;      /* DUE: of these they were; none: it only asks */
        uint32_t signal;            /* KILLED */
        uint32_t plan;              /* KEEP: which one */
        uint32_t plan_deaths;       /* DECIDE: planners that died of it, 0: not to be told */
};

struct store_reply {
        bool known;                       /* CLAIM, quick: there is a record, and nothing was done */
        enum claim_answer claim;          /* CLAIM */
        enum lease_answer lease;          /* all others; CANCEL: OK if it is cancelled now */
        int64_t lease_left_ms;            /* CLAIM_BUSY, CLAIM_WAITING; CLAIM_DEAD: when it died */
        struct job_generation generation; /* of the job */
        bool letter; /* the message is the letter that it says, or was when it was claimed */
        uint32_t starts, decision, error, signal;
        uint32_t plan;             /* that is recorded, 0: none */
        uint32_t plan_deaths;      /* since the latest redrive */
        uint32_t effects, intents; /* bit n-1: effect n is recorded as sent, was about to be sent */
        struct store_try tries[STORE_TRIES_MAX];
        int64_t doubt_ms;          /* when a start without an end was seen last; 0: never */
        int64_t doubt_age_ms;      /* how long ago that is */
        int64_t doubt_from_age_ms; /* how long ago the first such start began */
        struct store_due due;      /* DUE */
};

enum store_state {
        STATE_ABSENT,
        STATE_QUEUED,
        STATE_RUNNING,
        STATE_RETRYING,
        STATE_COMPLETED,
        STATE_DEAD,
        STATE_DROPPED,
        STATE_CANCELLED,
        STATE_SCHEDULED,
};
const char *store_state_word(enum store_state state);

struct store_record {
        enum store_state state;
        uint64_t owner; /* 0: nobody */
        int64_t lease_until_ms, lease_ms;
        struct job_generation generation;
        uint32_t fingerprint, type, starts, decision, reason, error;
        uint32_t signal;
        uint32_t plan, plan_deaths, plan_deaths_redrives;
        uint32_t death, dead_id; /* of the latest letter */
        int64_t died_ms;         /* the latest death */
        bool unclaimed;          /* cancelled before any worker saw what it is of */
        int64_t due_ms;          /* when the copy that waits is to come; 0: not known */
        uint8_t effects_total, effects_done;
        uint32_t effects, intents;
        struct store_try tries[STORE_TRIES_MAX];
        uint64_t moved_by; /* the owner that sent an effect by another outlet last, and how often in all */
        uint16_t moves;
        int64_t started_ms;
        int64_t doubt_ms;         /* when a start without an end was seen last; 0: never */
        int64_t doubt_from_ms;    /* when the first such start began */
        int64_t expires_after_ms; /* -1: never */
        struct store_due due;     /* of what others have not been told yet */
};

struct fake_store {
        int64_t now_ms; /* Redis' own clock */
        struct store_record records[STORE_RECORDS_MAX];
};

void fake_store_init(struct fake_store *store, int64_t now_ms);
/* Carries out one script at store->now_ms. */
struct store_reply fake_store_call(struct fake_store *store, const struct store_request *request);
/* The record is lost (eviction, a failover, FLUSHALL of all). */
void fake_store_lose(struct fake_store *store, uint8_t id);
/* What drop and purge do to a dead record. */
void fake_store_drop(struct fake_store *store, uint8_t id);

#endif
