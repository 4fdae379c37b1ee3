#ifndef LEVERET_CORE_PLAN_ANSWER_H
#define LEVERET_CORE_PLAN_ANSWER_H

#include "core/plan/plan.h"

enum { PLAN_ANSWER_MAX = PLAN_BYTES_MAX }; /* bytes of an answer */

/* What is asked of a planner: a job's payload and whose it is. All borrowed. */
struct plan_question {
        const char *id, *type;
        const char *subject;                  /* or NULL */
        int64_t time_ms;                      /* of the message, since 1970 */
        struct slice data;                    /* the payload, a JSON text */
        const char *traceparent, *tracestate; /* for the headers of a request; NULL: none */
};

/* Appends the question as one line of JSON, `{"id", "type", "subject", "time", "data"}` with the line's end:
 * no byte of it ends a line before. */
void plan_question_line(struct buffer *out, const struct plan_question *question);
/* Appends it as a structured CloudEvent (CloudEvents 1.0, JSON format); `source` names who asks. */
void plan_question_event(struct buffer *out, const struct plan_question *question, const char *source);

/*
 * Reads what a planner answered: `{"effects": [..]}`, each with its `kind` (mail, post, publish) and its
 * `key`, a mail with the fields of email.send.v1, or `{"reject": "reason"}`; `id` may stand beside it. `mail`
 * is the handler of email.send.v1, whose fields a mail is checked against. As plan_build otherwise: PLAN_OK,
 * PLAN_REJECTED, or PLAN_BAD_PLAN with every fault, "/effects/0/to: required".
 */
enum plan_outcome plan_answer_read(const struct handler *mail, const json_t *answer, struct plan **plan,
                                   struct faults *faults);

#endif
