#include "io/machine/crashpoint.h"

#ifdef LEVERET_CRASHPOINTS

#        include <pthread.h>
#        include <signal.h>
#        include <stdlib.h>
#        include <string.h>

void crashpoint_pass(const char *name)
{
        static const char *wanted;
        static long left = -1;
        static int with = SIGKILL;
        static size_t len;
        if (left == -1) {
                wanted = getenv("LEVERET_CRASHPOINT");
                const char *colon = wanted ? strchr(wanted, ':') : NULL;
                len = wanted ? strcspn(wanted, ":") : 0;
                left = colon ? strtol(colon + 1, NULL, 10) : 1;
                if (colon && strstr(colon + 1, ":stop"))
                        with = SIGSTOP;
        }
        if (len == 0 || left == 0 || strncmp(wanted, name, len) != 0 || name[len] != '\0')
                return;
        if (--left == 0)
                pthread_kill(pthread_self(),
                             with); /* this thread itself, so that it goes not one step further */
}

#else

typedef int crashpoint_unused; /* ISO C forbids an empty file */

#endif
