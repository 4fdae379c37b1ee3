#ifndef LEVERET_CORE_CRON_H
#define LEVERET_CORE_CRON_H

#include "core/memory/slice.h"
#include "core/time/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When something is to happen, in the five fields of crontab(5): minute, hour, day of month, month, day of
 * week. Each is
 * *, a number, a range a-b, or a list of them; * and ranges take a step /n; months and days of the week have
 * names of three letters; both 0 and 7 are Sunday. If both days are given, one of them is enough, as in Vixie
 * cron: a field that begins with * does not count as given. @hourly @daily (@midnight) @weekly @monthly
 * @yearly (@annually) stand for five fields; there is no @reboot.
 */

enum { CRON_TEXT_MAX = 200, CRON_ERROR_SIZE = 160 };

struct cron {
        uint64_t minutes, hours, days, months, weekdays; /* bit by bit */
        bool days_given, weekdays_given;
};

/* Reads it. False with what is wrong and where ("hour 25: 0 to 23"); what can never happen (0 0 31 2 *) is
 * wrong. */
bool cron_parse(struct cron *cron, struct slice text, char error[CRON_ERROR_SIZE]);

/*
 * The first tick after `t`, seconds since 1970 UTC, by the clocks of the zone. What they skip happens when
 * they are set forward; what they show twice happens the first time. A schedule for every hour of the day
 * (hour *) has no hours to skip or to repeat: its ticks are as far apart on these days as on all others.
 * INT64_MAX: not within 40 years.
 */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t t);
/* The last tick that is not after `t` and after `since`, or `since` if there is none. */
int64_t cron_last(const struct cron *cron, const struct zone *zone, int64_t since, int64_t t);

#endif
