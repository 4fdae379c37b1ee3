#include "handler.h"

/* A handler that misbehaves as its payload says, for the fault tests; no release knows it. */

#ifdef LEVERET_CRASHPOINTS

#        include <signal.h>
#        include <stdlib.h>
#        include <string.h>

struct hostile {
        const char *how, *to;
};

static const struct field fields[] = {
        FIELD_STRING(struct hostile, how,
                     .one_of =
                             FIELD_ONE_OF("crash", "abort", "hang", "allocate", "reject", "nothing", "mail")),
        FIELD_EMAIL(struct hostile, to, .optional = true, .description = "for how = mail"),
        FIELD_END,
};

static void hang(void)
{
        for (volatile bool on = true; on;)
                ;
}

/* Until the limit of the process (prlimit --as) is met, and then as leveret does without memory. */
static void allocate(void)
{
        enum { STEP_BYTES = 1 << 20 };
        for (void *memory; (memory = malloc(STEP_BYTES));)
                memset(memory, 1, STEP_BYTES);
        abort();
}

static void plan_hostile(const struct hostile *hostile, struct plan *plan)
{
        if (strcmp(hostile->how, "crash") == 0)
                raise(SIGSEGV);
        if (strcmp(hostile->how, "abort") == 0)
                abort();
        if (strcmp(hostile->how, "hang") == 0)
                hang();
        if (strcmp(hostile->how, "allocate") == 0)
                allocate();
        if (strcmp(hostile->how, "reject") == 0)
                plan_reject(plan, "rejected as asked");
        if (strcmp(hostile->how, "mail") == 0)
                plan_mail(plan,
                          &(struct mail){.key = "mail", .to = hostile->to, .subject = "s", .text = "t\n"});
}

HANDLER(test_hostile_v1, struct hostile, plan_hostile,
        {
                .type = "test.hostile.v1",
                .summary = "Crashes, hangs or eats memory, as asked; only in test builds.",
                .example = "{\"how\": \"nothing\"}",
                .fields = fields,
        });

#endif
