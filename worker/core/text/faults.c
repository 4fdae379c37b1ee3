#include "core/text/faults.h"

#include "core/text/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void faults_add(struct faults *faults, const char *format, ...)
{
        if (faults->count++ >= FAULTS_KEPT_MAX)
                return;
        struct fault *fault = arena_alloc(faults->arena, sizeof(*fault));
        va_list args;
        va_start(args, format);
        fault->text = arena_vprintf(faults->arena, format, args);
        va_end(args);
        if (faults->last)
                faults->last->next = fault;
        else
                faults->first = fault;
        faults->last = fault;
}

/* What follows the first `shown` of them: nothing after the last one. */
static size_t write_rest(const struct faults *faults, size_t shown, char text[32])
{
        text[0] = '\0';
        if (shown == faults->count)
                return 0;
        snprintf(text, 32, "; and %zu more", faults->count - shown);
        return strlen(text);
}

/* How many can be written whole, with the words for those that cannot. */
static size_t count_fitting(const struct faults *faults, size_t size)
{
        char rest[32];
        size_t fitting = 0, len = 0, seen = 0;
        for (const struct fault *fault = faults->first; fault; fault = fault->next) {
                len += strlen(fault->text) + (seen ? strlen("; ") : 0);
                seen++;
                if (len + write_rest(faults, seen, rest) < size)
                        fitting = seen;
        }
        return fitting;
}

void faults_join(const struct faults *faults, char *text, size_t size)
{
        char rest[32];
        assert(size >= 64);
        text[0] = '\0';
        if (!faults->first)
                return;
        size_t fitting = count_fitting(faults, size), at = 0;
        if (fitting == 0) {
                size_t room = size - 1 - write_rest(faults, 1, rest);
                at = utf8_prefix(faults->first->text, strlen(faults->first->text), room);
                snprintf(text, size, "%.*s%s", (int)at, faults->first->text, rest);
                return;
        }
        const struct fault *fault = faults->first;
        for (size_t i = 0; i < fitting; i++, fault = fault->next) {
                snprintf(text + at, size - at, "%s%s", i ? "; " : "", fault->text);
                at += strlen(text + at);
        }
        write_rest(faults, fitting, rest);
        snprintf(text + at, size - at, "%s", rest);
}
