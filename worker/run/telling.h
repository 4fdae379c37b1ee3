#ifndef LEVERET_RUN_TELLING_H
#define LEVERET_RUN_TELLING_H

#include "run/state.h"

/* ---- telling.c: others are told of what became of a job (events) ---- */
void telling_open(struct engine *engine, int64_t publish_timeout_ms);
/* After consumer and store were closed. */
void telling_close(struct engine *engine);
/* The changes that others are told of if they come to a job of this type: a bit per enum job_change. */
uint32_t telling_changes(const struct engine *engine, const char *type);
/* Tells others of all that the record says is due; answers EVENT_TOLD. */
void telling_begin(struct delivery *delivery);
void telling_look(struct engine *engine, int64_t now_ms); /* once a tick */
/* Adds its metrics. */
void telling_render(const struct engine *engine, struct buffer *out);

#endif
