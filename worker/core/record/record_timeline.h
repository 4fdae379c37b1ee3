#ifndef LEVERET_CORE_RECORD_TIMELINE_H
#define LEVERET_CORE_RECORD_TIMELINE_H

#include "core/memory/arena.h"
#include "core/record/record_fields.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The timeline of a job to which nothing out of the ordinary happened is in its record (claim_new.lua,
 * finish.lua): KEY_EVENTS holds no more than what was noted of others' doings. Such a record has started_ms
 * and no lease_ms; its generation is 0, 0, 0, and it is running, or was completed by its one effect.
 */

/* The outlet of an effect of which the record names none: mail without `outlets`. */
#define RECORD_FIRST_OUTLET "mail"

enum { RECORD_TIMELINE_MAX = 2 };

struct record_timeline {
        struct {
                int64_t at_ms;     /* of the entry, by Redis' clock */
                const char *entry; /* JSON as in KEY_EVENTS, in the arena */
        } list[RECORD_TIMELINE_MAX];
        size_t count;
};

/* The entries that the fields of a record tell. None if its timeline is not in them. */
struct record_timeline record_timeline(struct arena *arena, const struct record_fields *fields);

#endif
