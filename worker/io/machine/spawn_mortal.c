#include "io/machine/spawn_mortal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* libuv has no hook between fork and exec, but the system has one for each fork. */
static _Thread_local pid_t parent; /* of the process that is being started; 0: none is */

/* In the new process. Who started it may have died before this was asked for. */
static void child_bind(void)
{
        if (!parent)
                return;
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != parent)
                _exit(EXIT_FAILURE);
}

static void hook_install(void)
{
        if (pthread_atfork(NULL, NULL, child_bind))
                abort();
}

int spawn_mortal(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options)
{
        static pthread_once_t installed = PTHREAD_ONCE_INIT;
        pthread_once(&installed, hook_install);
        parent = getpid();
        int cause = uv_spawn(loop, process, options);
        parent = 0;
        return cause;
}
