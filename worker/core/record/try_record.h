#ifndef LEVERET_CORE_TRY_RECORD_H
#define LEVERET_CORE_TRY_RECORD_H

#include "core/memory/slice.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a record keeps of an effect's tries, beside `effect.<key>` and `intent.<key>`: `outlet.<key>` is the
 * name of the outlet where it was tried last or went out, `try.<key>` and `spent.<key>` are written and read
 * here. Times are milliseconds since 1970.
 */
struct try_record {
        bool ambiguous;     /* the outlet may have accepted it: a try had no definite end */
        uint32_t refusals;  /* by that outlet, for now, in a row */
        uint32_t redrives;  /* a run of more of them was ordered by somebody who knew of the doubt */
        int64_t from_ms;    /* the earliest possible acceptance, if ambiguous */
        int64_t since_ms;   /* the latest possible end of a try, if ambiguous */
        int64_t cleared_ms; /* the record's doubt_ms that is over for this effect; 0: none */
};

enum { TRY_RECORD_SIZE = 120 };

/* The field's value. `text` has TRY_RECORD_SIZE bytes. */
void try_record_format(const struct try_record *try, char *text);
/* False if the text is none: then `try` is zeroed. */
bool try_record_parse(struct slice text, struct try_record *try);

/* The field `spent.<key>`, beside `try.<key>` because earlier workers read no more than that has: the life
 * and the number of the attempt, from 1, that was its last and that the effect ended ambiguously. `text` has
 * TRY_RECORD_SIZE bytes. */
void spent_record_format(uint32_t tries, uint32_t redrives, char *text);
/* Both are 0 if the text is none. */
void spent_record_parse(struct slice text, uint32_t *tries, uint32_t *redrives);

/* The field `plan_deaths`: how many planners died of the job in the life that began with its latest redrive.
 * `text` has TRY_RECORD_SIZE bytes. */
void plan_deaths_format(uint32_t deaths, uint32_t redrives, char *text);
/* 0 if the text is none, or tells of an earlier life. */
uint32_t plan_deaths_parse(struct slice text, uint32_t redrives);

#endif
