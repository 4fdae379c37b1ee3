#ifndef LEVERET_CORE_METRICS_STATE_H
#define LEVERET_CORE_METRICS_STATE_H

#include "core/memory/arena.h"
#include "core/watch/metrics.h"
#include "core/watch/metrics_text.h"

/* What the registry holds; shared by the part that counts and the part that renders, and by nothing else. */

enum { METRICS_PUBLISH_WORDS = 7 };
/* The words of publish_outcome_word, which lives in a layer above; the last one stands for any other. */
extern const char *const metrics_publish_words[METRICS_PUBLISH_WORDS];

/* A pair of queue and type that was seen. */
struct lane {
        size_t queue, type;
        uint64_t ends[METRICS_OUTCOME_COUNT];
        struct histogram duration;
};

struct queue_numbers {
        const char *name; /* escaped as a label value, as all names here */
        uint64_t dead_letters[REASON_COUNT];
        struct histogram wait;
        size_t in_flight;
        int64_t depth, retrying; /* negative: not known */
        double oldest_s;         /* negative: not known */
        bool consuming;
};

struct type_numbers {
        const char *name;
        double last_success_s; /* 0: never */
        uint64_t consecutive_failures;
};

struct outlet_numbers {
        const char *name, *transport;
        struct histogram sends[SEND_AMBIGUOUS + 1];
        uint64_t looks[LOOK_ANSWER_COUNT];
        uint64_t refused_recipients;
        enum breaker_state breaker;
        uint64_t openings;
        struct metrics_share share;
};

struct metrics {
        struct arena arena; /* of the names and the arrays */
        const char *version;
        struct queue_numbers *queues;
        size_t queue_count;
        struct type_numbers *types; /* the last one is "other" */
        size_t type_count;          /* "other" and spare ones included */
        size_t types_known;         /* those with a name, from the first on; "other" is not among them */
        uint16_t *lane_of;          /* [queue * type_count + type]: index + 1, 0: none yet */
        struct lane *lanes;
        size_t lane_count, lane_limit; /* the limit keeps a place for "other" of each queue */
        uint64_t claims[CLAIM_ANSWER_COUNT];
        uint64_t published[METRICS_PUBLISH_WORDS];
        struct histogram loop;
        double loop_max_s;
        bool up[METRICS_CONNECTION_COUNT];
        uint64_t losses[METRICS_CONNECTION_COUNT];
        struct outlet_numbers *outlets;
        size_t outlet_count;
        size_t in_flight_bytes, stuck_jobs;
        double oldest_s;
        bool ready;
        uint64_t log_lines_dropped;
        struct metrics_process process;
};

#endif
