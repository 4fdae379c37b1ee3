#ifndef LEVERET_CORE_MAIL_DATE_H
#define LEVERET_CORE_MAIL_DATE_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* Adds seconds since 1970 as a date-time of RFC 5322 section 3.3 in UTC: "Sat, 01 Jan 2000 00:00:00 +0000".
 * Times outside the years 1970 to 9999 become the nearer end. */
void mail_date_add(struct buffer *out, int64_t time_s);

/* Reads an HTTP-date, seconds since 1970, in each of the three forms that a recipient must take (RFC 9110
 * section 5.6.7): "Sat, 01 Jan 2000 00:00:00 GMT", "Saturday, 01-Jan-00 00:00:00 GMT" and
 * "Sat Jan  1 00:00:00 2000". `now_s` tells the century of the second one. False if it is none. */
bool mail_date_parse_http(struct slice text, int64_t now_s, int64_t *time_s);

#endif
