#include "amqp_cases.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The cases of amqp_cases.c against broker.c and consumer.c, in a world where nobody runs an engine. */

struct theatre {
        struct process *process;
        struct tally tally;
};

static void put(void *context, unsigned count)
{
        (void)context;
        for (unsigned i = 0; i < count; i++)
                broker_original(0, 0);
}

static void turn(void *context)
{
        struct theatre *stage = context;
        world_happens();
        loop_turn(&stage->process->engine->loop);
        if (world.failure)
                fail_msg("%s: %s", world.failure, world.failure_text);
}

static void cut(void *context)
{
        struct theatre *stage = context;
        consumer_cut(stage->process, /* broker_first = */ true);
}

static unsigned depth(void *context)
{
        (void)context;
        return broker_ready("work");
}

static void run_case(void **state)
{
        const struct amqp_case *amqp_case = *state;
        static struct theatre stage;
        stage = (struct theatre){.process = world_stage(&stage.tally)};
        const struct amqp_subject subject = {.context = &stage,
                                             .loop = &stage.process->engine->loop,
                                             .config = &world.config,
                                             .put = put,
                                             .turn = turn,
                                             .cut = cut,
                                             .depth = depth};
        amqp_case->run(&subject);
}

int main(void)
{
        struct CMUnitTest tests[32] = {{0}};
        for (size_t i = 0; i < amqp_case_count; i++)
                tests[i] = (struct CMUnitTest){.name = amqp_cases[i].name,
                                               .test_func = run_case,
                                               .initial_state = (void *)(uintptr_t)&amqp_cases[i]};
        return _cmocka_run_group_tests("amqp_model", tests, amqp_case_count, NULL, NULL);
}
