#include "amqp_cases.h"
#include "publisher_cases.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The cases of amqp_cases.c and publisher_cases.c against broker.c, consumer.c and publisher.c of the
 * engine's simulator, in a world where nobody runs an engine. */

struct theatre {
        struct process *process;
        struct amqp_publisher *publisher;
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

/* ---- publishing ---- */

static struct amqp_publisher *publisher_open(void *context, enum broker_does does)
{
        struct theatre *stage = context;
        stage->process = world_stage(&stage->tally);
        world.staged_refusal = does == BROKER_HAS_NO_QUEUE ? PUBLISH_RETURNED : PUBLISH_CONFIRMED;
        if (does == BROKER_IS_FULL)
                world.staged_refusal = PUBLISH_NACKED;
        if (does == BROKER_IS_SILENT)
                world.faults = (uint64_t)1 << FAULT_PUBLISH_LOST;
        if (does == BROKER_BLOCKS)
                world.blocked_until_ms = INT64_MAX;
        world.fault_rate = 1;
        world.budget = 16;
        return stage->publisher =
                       amqp_publisher_open(&stage->process->engine->loop, &world.config, CONFIRM_TIMEOUT_MS);
}

static void publisher_publish(void *context, publish_done *done, void *done_context)
{
        const struct theatre *stage = context;
        struct arena *arena = arena_new();
        struct message *message = arena_alloc(arena, sizeof *message);
        *message = (struct message){.exchange = SLICE_LITERAL(""), .body = SLICE_LITERAL("x")};
        amqp_publisher_publish(stage->publisher, arena, message, done, done_context);
}

static void publisher_leave(void *context)
{
        (void)context; /* it is there as soon as it is published */
}

static void publisher_close(void *context)
{
        amqp_publisher_close(((const struct theatre *)context)->publisher, 0);
}

static void run_publisher_case(void **state)
{
        const struct publisher_case *publisher_case = *state;
        static struct theatre stage;
        publisher_case->run(&(struct publisher_subject){.context = &stage,
                                                        .open = publisher_open,
                                                        .publish = publisher_publish,
                                                        .leave = publisher_leave,
                                                        .turn = turn,
                                                        .close = publisher_close});
}

int main(void)
{
        struct CMUnitTest tests[32] = {{0}};
        for (size_t i = 0; i < amqp_case_count; i++)
                tests[i] = (struct CMUnitTest){.name = amqp_cases[i].name,
                                               .test_func = run_case,
                                               .initial_state = (void *)(uintptr_t)&amqp_cases[i]};
        for (size_t i = 0; i < publisher_case_count; i++)
                tests[amqp_case_count + i] =
                        (struct CMUnitTest){.name = publisher_cases[i].name,
                                            .test_func = run_publisher_case,
                                            .initial_state = (void *)(uintptr_t)&publisher_cases[i]};
        return _cmocka_run_group_tests("amqp_model", tests, amqp_case_count + publisher_case_count, NULL,
                                       NULL);
}
