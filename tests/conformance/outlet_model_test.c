#include "io/send/post_http.h"
#include "outlet_cases.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The cases of outlet_cases.c against services.c of the engine's simulator, in a world where nobody runs an
 * engine. */

struct theatre {
        enum effect_kind kind;
        enum service_does does;
        struct process *process;
        struct transport *transport; /* NULL: closed */
        struct tally tally;
};

static const enum service_state states[] = {
        [SERVICE_TAKES] = SERVICE_WELL,          [SERVICE_REFUSES] = SERVICE_WELL,
        [SERVICE_REFUSES_NOW] = SERVICE_WELL,    [SERVICE_REFUSES_US] = SERVICE_REFUSES_KEY,
        [SERVICE_IS_AWAY] = SERVICE_UNREACHABLE, [SERVICE_CUTS] = SERVICE_WELL,
        [SERVICE_IS_SILENT] = SERVICE_SILENT,
};

static void theatre_open(void *context, enum service_does does)
{
        struct theatre *stage = context;
        stage->does = does;
        stage->process = world_stage(&stage->tally);
        struct config *config = &stage->process->config;
        bool posts = stage->kind == EFFECT_POST;
        struct config_outlet *outlet = posts ? &config->outlets[world.mail_count - 1] : &config->mail;
        uint8_t number = posts ? (uint8_t)world.mail_count : 0;
        world.specs[0] =
                (struct spec){.effects = 1, .permanent = does == SERVICE_REFUSES, .kinds = {stage->kind}};
        world.services[number][0] = states[does];
        if (does == SERVICE_CUTS)
                world.faults = (uint64_t)1 << FAULT_AMBIGUOUS;
        if (does == SERVICE_REFUSES_NOW)
                world.faults = (uint64_t)1 << FAULT_TRANSIENT;
        world.fault_rate = world.budget = 1;
        char error[256];
        stage->transport = posts ? post_http_open(&stage->process->engine->loop, outlet, false)
                                 : transport_open(&stage->process->engine->loop, outlet, error);
}

static struct transport *theatre_transport(void *context)
{
        return ((const struct theatre *)context)->transport;
}

static void theatre_send(void *context, struct send_terms terms, send_done *done, void *done_context)
{
        struct theatre *stage = context;
        static const struct mail_request mail = {.mail.subject = "e0 of j0.0 v0"};
        static struct post_request post = {.body = SLICE_LITERAL("{\"data\":\"e0 of j0.0 v0\"}")};
        post.url = "";
        if (stage->kind == EFFECT_POST)
                post_http_send(stage->transport, &post, terms, done, done_context);
        else
                transport_send(stage->transport, &mail, terms, done, done_context);
}

static void theatre_turn(void *context)
{
        struct theatre *stage = context;
        world_happens();
        loop_turn(&stage->process->engine->loop);
        if (world.failure)
                fail_msg("%s: %s", world.failure, world.failure_text);
}

/* The last byte has left after a latency, and before the limit. */
static void theatre_reach(void *context, unsigned requests)
{
        int64_t until_ms = loop_clock_ms + SEND_LIMIT_MS / 2;
        (void)requests;
        while (loop_clock_ms < until_ms && world.pending_count > 0)
                theatre_turn(context);
}

static unsigned theatre_accepted(void *context)
{
        unsigned accepted = 0;
        (void)context;
        for (uint32_t i = 0; i < world.send_count; i++)
                accepted += world.sends[i].accepted;
        return accepted;
}

static int64_t theatre_clock_boot_ms(void *context)
{
        return process_clock_ms(((const struct theatre *)context)->process);
}

static void theatre_close(void *context)
{
        struct theatre *stage = context;
        transport_close(stage->transport);
        stage->transport = NULL;
}

static void run_case(void **state)
{
        const struct outlet_case *outlet_case = *state;
        static struct theatre stage;
        for (int posts = 0; posts < 2; posts++) {
                stage = (struct theatre){.kind = posts ? EFFECT_POST : EFFECT_MAIL};
                print_message("%s\n", posts ? "a post" : "a mail");
                outlet_case->run(&(struct outlet_subject){.context = &stage,
                                                          .open = theatre_open,
                                                          .transport = theatre_transport,
                                                          .send = theatre_send,
                                                          .turn = theatre_turn,
                                                          .reach = theatre_reach,
                                                          .accepted = theatre_accepted,
                                                          .clock_boot_ms = theatre_clock_boot_ms,
                                                          .close = theatre_close});
        }
}

int main(void)
{
        struct CMUnitTest tests[16] = {{0}};
        for (size_t i = 0; i < outlet_case_count; i++)
                tests[i] = (struct CMUnitTest){.name = outlet_cases[i].name,
                                               .test_func = run_case,
                                               .initial_state = (void *)(uintptr_t)&outlet_cases[i]};
        return _cmocka_run_group_tests("outlet_model", tests, outlet_case_count, NULL, NULL);
}
