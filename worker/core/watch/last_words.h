#ifndef LEVERET_CORE_LAST_WORDS_H
#define LEVERET_CORE_LAST_WORDS_H

#include "core/memory/slice.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What a process says when it is killed: one line of the log, and one command to Redis that keeps the signal
 * in the record of the job that it had in hand. Written into buffers of the caller, with nothing but memory
 * that is given: a signal handler may call these (signal-safety(7)).
 */

/* The job in hand; what is unknown is NULL. */
struct last_words_job {
        const char *id, *type, *queue;
        const char *owner; /* its claim's token: another's record is left alone */
};

struct last_words {
        const char *event; /* fatal_signal watchdog */
        const char *msg;
        const char *signal; /* SIGSEGV ..., or LAST_WORDS_WATCHDOG */
        const char *worker;
        int64_t now_ms;                   /* since 1970 */
        const struct last_words_job *job; /* NULL: none */
};

#define LAST_WORDS_WATCHDOG "watchdog"

/* "SIGSEGV" of 11; NULL if no process dies of it by its own fault. */
const char *last_words_signal(int number);

/* One JSON object and a line feed. Returns the length; 0 if it does not fit. */
size_t last_words_line(char *out, size_t size, const struct last_words *words);

/* EVALSHA of the script killed.lua, which `sha` names, in the Redis protocol. Returns the length; 0 if there
 * is no job with an id and an owner, or it does not fit. */
size_t last_words_command(char *out, size_t size, const struct last_words *words, const char *prefix,
                          const char *sha);

/* For people: "killed its worker 3 times, last by signal 11 (SIGSEGV)". `signal` is what the record holds, ""
 * if nothing. */
void last_words_error(char *out, size_t size, int64_t times, struct slice signal);

#endif
