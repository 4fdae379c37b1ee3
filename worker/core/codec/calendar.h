#ifndef LEVERET_CORE_CALENDAR_H
#define LEVERET_CORE_CALENDAR_H

#include <stdint.h>

/* The proleptic Gregorian calendar, in days since 1970-01-01; months and days count from 1. */

int calendar_month_days(int year, int month);
int64_t calendar_days(int year, int month, int day);
/* The inverse. Safe in a signal handler, as are the others. */
void calendar_date(int64_t days, int *year, int *month, int *day);

#endif
