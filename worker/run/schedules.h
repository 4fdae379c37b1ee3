#ifndef LEVERET_RUN_SCHEDULES_H
#define LEVERET_RUN_SCHEDULES_H

#include "run/state.h"

/* ---- time/schedules.c: messages that are published again and again ---- */
void schedules_open(struct engine *engine);
/* Redis is there (again). */
void schedules_begin(struct engine *engine);
void schedules_look(struct engine *engine, int64_t now_ms); /* once a tick: is one late? */
/* Adds their metrics. */
void schedules_render(const struct engine *engine, struct buffer *out);
/* After store and publisher were closed: nothing calls back any more. */
void schedules_close(struct engine *engine);

#endif
