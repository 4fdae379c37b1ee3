#ifndef LEVERET_CORE_REASON_H
#define LEVERET_CORE_REASON_H

/* Why a message was dead-lettered: a closed list, the same words in headers, Redis, logs and metrics.
 * The last three are made by the broker itself. */
#define REASON_LIST(X)                                                                                       \
        X(MISSING_ID, "missing_id")                                                                          \
        X(BAD_ID, "bad_id")                                                                                  \
        X(MISSING_TYPE, "missing_type")                                                                      \
        X(UNKNOWN_TYPE, "unknown_type")                                                                      \
        X(BAD_PAYLOAD, "bad_payload")                                                                        \
        X(TOO_LARGE, "too_large")                                                                            \
        X(UNSUPPORTED_ENCODING, "unsupported_encoding")                                                      \
        X(ID_CONFLICT, "id_conflict")                                                                        \
        X(EXPIRED, "expired")                                                                                \
        X(REJECTED, "rejected")                                                                              \
        X(BAD_PLAN, "bad_plan")                                                                              \
        X(PERMANENT_FAILURE, "permanent_failure")                                                            \
        X(ATTEMPTS_EXHAUSTED, "attempts_exhausted")                                                          \
        X(CRASH_LOOP, "crash_loop")                                                                          \
        X(AMBIGUOUS_SEND, "ambiguous_send")                                                                  \
        X(DELIVERY_LIMIT, "delivery_limit")                                                                  \
        X(BROKER_EXPIRED, "broker_expired")                                                                  \
        X(MAX_LENGTH, "max_length")

enum reason {
        REASON_NONE = 0,
#define X(name, word) REASON_##name,
        REASON_LIST(X)
#undef X
                REASON_COUNT
};

/* The word of a reason; "" for REASON_NONE. */
const char *reason_word(enum reason reason);
/* The reason of a word, REASON_NONE if it is none of them. */
enum reason reason_parse(const char *word);

#endif
