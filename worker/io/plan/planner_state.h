#ifndef LEVERET_IO_PLANNER_STATE_H
#define LEVERET_IO_PLANNER_STATE_H

#include "core/text/buffer.h"
#include "io/plan/planner.h"

#include <sys/queue.h>

/* Inside io/plan only. */

enum { PLANNER_PLACES = 16 /* questions to a service at once */, PLANNER_ERROR_MAX = 256 };

/* A question, from planner_ask to its answer. */
struct planner_ask {
        struct planner *planner;
        struct buffer text; /* as it is sent */
        char *id;
        char *traceparent, *tracestate; /* NULL: none */
        planner_done *done;             /* NULL: nobody wants the answer */
        void *context;
        bool began;
        TAILQ_ENTRY(planner_ask) entry; /* while it waits */
};
TAILQ_HEAD(planner_asks, planner_ask);

/* What differs between services and programs. */
struct planner_kind {
        /* Takes the question now; false: there is no place. */
        bool (*take)(struct planner *planner, struct planner_ask *ask);
        void (*question)(struct buffer *out, const struct plan_question *question);
        void (*close)(struct planner *planner);
};

struct planner {
        const struct planner_kind *kind;
        uv_loop_t *loop;
        char *type;
        struct config_plan settings; /* a copy of its own */
        struct planner_asks waiting;
        size_t waiting_count, under_way;
        bool closing;
        size_t running;  /* programs */
        uint64_t starts; /* of programs */
        char trouble[PLANNER_ERROR_MAX];
        struct planner_http *http;
        struct planner_children *children;
};

/* Gives free places to the questions that wait. */
void planner_dispatch(struct planner *planner);
/* The question has ended: calls its `done`, frees it and dispatches. */
void planner_end(struct planner_ask *ask, const struct planner_answer *answer);
/* The answer to this question as JSON, owned by the caller; NULL with the cause if the text is none. */
json_t *planner_answer_parse(const struct planner_ask *ask, struct slice text, bool id_required,
                             char error[PLANNER_ERROR_MAX]);
/* The question has ended with this answer, which is released; NULL: with garbage. */
void planner_end_value(struct planner_ask *ask, json_t *value, const char *error);
/* Ends all questions that wait with this answer. */
void planner_end_waiting(struct planner *planner, const struct planner_answer *answer);
/* Frees it when its kind has nothing open any more. */
void planner_free(struct planner *planner);

extern const struct planner_kind planner_http_kind, planner_children_kind;
/* planner_http.c, planner_children.c */
void planner_http_open(struct planner *planner);
void planner_children_open(struct planner *planner);

#endif
