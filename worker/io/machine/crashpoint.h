#ifndef LEVERET_IO_MACHINE_CRASHPOINT_H
#define LEVERET_IO_MACHINE_CRASHPOINT_H

/*
 * A named place where a test build ends or stops itself: LEVERET_CRASHPOINT=name:n kills the process
 * (SIGKILL) the n-th time that it passes there, name:n:stop stops it (SIGSTOP). Other builds have no trace of
 * it.
 */
#ifdef LEVERET_CRASHPOINTS
void crashpoint_pass(const char *name);
#        define CRASHPOINT(name) crashpoint_pass(name)
#else
#        define CRASHPOINT(name) ((void)0)
#endif

#endif
