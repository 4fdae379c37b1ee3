#ifndef LEVERET_IO_FATAL_SIGNAL_H
#define LEVERET_IO_FATAL_SIGNAL_H

#include "core/watch/last_words.h"

/*
 * The last words of this process, for a signal that it brings upon itself (SIGSEGV SIGBUS SIGFPE SIGILL
 * SIGABRT SIGTRAP SIGSYS) and for the watchdog: a line to stderr, and the signal into the record of the job
 * in hand. Then the signal takes its course: whoever handled it before does so again (a sanitizer), else the
 * process dies of it. Nothing here blocks or allocates.
 */

/* Installs the handlers, gives them back. `worker` is copied. */
void fatal_signal_open(const char *worker);
void fatal_signal_close(void);

/* For the thread that runs handlers: a stack for the case that its own has overflowed, and whose job is
 * meant. To be left by the same thread. */
void fatal_signal_enter(void);
void fatal_signal_leave(void);

/* A connection to Redis that carries nothing else, and the script killed.lua in it. Copied but for the
 * descriptor. -1: there is none. */
void fatal_signal_redis(int fd, const char *prefix, const char *sha);

/* The job whose handler is running; the job that is alone in the process. Borrowed until the next call; NULL:
 * none. */
void fatal_signal_running(const struct last_words_job *job);
void fatal_signal_alone(const struct last_words_job *job);

/* The watchdog is about to end the process. */
void fatal_signal_watchdog(const char *msg);

#endif
