#ifndef LEVERET_IO_SPAWN_MORTAL_H
#define LEVERET_IO_SPAWN_MORTAL_H

#include <uv.h>

/*
 * uv_spawn of a process that does not outlive who started it: it is killed (SIGKILL) when the thread that
 * called this ends, also when that is killed itself (prctl(2), PR_SET_PDEATHSIG). What the process starts
 * in its turn is not. On the loop's thread.
 */
int spawn_mortal(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options);

#endif
