#include "cli/dlq/dlq_command.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* Ctrl-C ends what works on many letters between two of them. */

static atomic_bool interrupted; /* set by the handler, read by the thread that works */

bool dlq_interrupted(void)
{
        return atomic_load(&interrupted);
}

static void on_interrupt(int number)
{
        (void)number;
        atomic_store(&interrupted, true);
}

void dlq_catch_interrupt(void)
{
        sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
}
