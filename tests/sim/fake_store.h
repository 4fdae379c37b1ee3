#ifndef LEVERET_SIM_FAKE_STORE_H
#define LEVERET_SIM_FAKE_STORE_H

#include "core/job/protocol.h"

/*
 * The scripts of worker/io/redis/lua as C over a few records in memory: the same answers to the same calls.
 * Texts that the scripts only keep and hand back are numbers here (0: the empty text). store_cases.h holds
 * both to their word.
 */
enum { STORE_RECORDS_MAX = 4, STORE_EFFECTS_MAX = 8, STORE_LATE_MS = 30000 };

enum store_script {
        STORE_CLAIM,
        STORE_RENEW,
        STORE_INTEND,
        STORE_RECORD,
        STORE_COMPLETE,
        STORE_DECIDE,
        STORE_SETTLE,
        STORE_KILLED,
};
enum { STORE_SCRIPT_COUNT = STORE_KILLED + 1 };
const char *store_script_word(enum store_script script);

struct store_request {
        enum store_script script;
        uint8_t id; /* of the record */
        uint64_t owner;
        int64_t lease_ms, keep_ms;
        struct job_generation generation;
        uint32_t fingerprint;
        bool alone;           /* CLAIM */
        uint32_t max_crashes; /* CLAIM */
        bool outside;         /* CLAIM: a publisher's or a moved message, delivered for the first time */
        int64_t death_ms;     /* CLAIM: lease_left_ms of an answer CLAIM_DEAD; 0: none */
        uint32_t dead_id;     /* CLAIM: that the message carries; SETTLE: of the letter; 0: none */
        int64_t tier_ms;      /* CLAIM: the longest delay */
        int64_t delay_ms;     /* SETTLE: how long the copy waits */
        uint8_t effect;       /* INTEND, RECORD, COMPLETE: number from 1, 0: none */
        bool sent;            /* RECORD: else refused */
        bool fresh;           /* COMPLETE: changes no answer, only what is looked at */
        uint8_t effects_total, effects_done;
        uint32_t decision, reason, error; /* DECIDE */
        uint8_t void_effect;              /* DECIDE: its intent came to nothing; number from 1, 0: none */
        bool dead;                        /* SETTLE: else retrying */
        bool rejected;                    /* SETTLE: the broker is to move the original, no copy exists */
        struct job_generation copy;       /* SETTLE */
        uint32_t signal;                  /* KILLED */
};

struct store_reply {
        enum claim_answer claim;          /* CLAIM */
        enum lease_answer lease;          /* all others */
        int64_t lease_left_ms;            /* CLAIM_BUSY, CLAIM_WAITING; CLAIM_DEAD: when it died */
        struct job_generation generation; /* of the job */
        bool letter; /* the message is the letter that it says, or was when it was claimed */
        uint32_t starts, decision, error, signal;
        uint32_t effects, intents; /* bit n-1: effect n is recorded as sent, was about to be sent */
};

enum store_state {
        STATE_ABSENT,
        STATE_QUEUED,
        STATE_RUNNING,
        STATE_RETRYING,
        STATE_COMPLETED,
        STATE_DEAD,
        STATE_DROPPED,
};
const char *store_state_word(enum store_state state);

struct store_record {
        enum store_state state;
        uint64_t owner; /* 0: nobody */
        int64_t lease_until_ms, lease_ms;
        struct job_generation generation;
        uint32_t fingerprint, starts, decision, reason, error;
        uint32_t signal;
        uint32_t death, dead_id; /* of the latest letter */
        int64_t died_ms;         /* the latest death */
        int64_t due_ms;          /* when the copy that waits is to come; 0: not known */
        uint8_t effects_total, effects_done;
        uint32_t effects, intents;
        int64_t expires_after_ms; /* -1: never */
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
