#include "world.h"

#include "core/memory/memory.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* io/send/transport.h over a mail service that accepts, refuses, is slow, or is not heard. */

struct
try {
        struct process *process;
        struct try *next; /* of those that are not ended */
        const struct mail_request *request;
        send_done *done;
        void *context;
        int64_t valid_until_ms;
        struct send *send;
        struct send_result result;
        struct transport *transport;
        char subject[64];
        uint32_t incarnation;
        bool begun, local;
};

struct transport {
        struct process *process;
        struct transport *next;
        uint8_t outlet; /* its number */
        size_t capacity, under_way;
        struct try *tries;
};

static uint8_t outlet_of(const struct process *process, const struct config_outlet *config)
{
        return config == &process->config.mail ? 0 : (uint8_t)(config - process->config.outlets + 1);
}

struct transport *transport_open(uv_loop_t *loop, const struct config_outlet *config, char *error)
{
        (void)loop, (void)error;
        struct transport *transport = memory_zeroed(1, sizeof *transport);
        transport->process = process_now();
        transport->capacity = (size_t)config->http.connections;
        transport->outlet = outlet_of(process_now(), config);
        transport->next = process_now()->transports;
        process_now()->transports = transport;
        return transport;
}

size_t transport_capacity(const struct transport *transport)
{
        return transport->capacity;
}

static bool is_under_way(const struct try *try)
{
        const struct transport *transport = try->process->transports;
        while (transport && transport != try->transport)
                transport = transport->next;
        const struct try *other = transport ? transport->tries : NULL;
        while (other && other != try)
                other = other->next;
        return other != NULL;
}

/* The breaker as it was when the result came says whose fault it is. */
static void burn(const struct try *try, const struct delivery *delivery)
{
        const struct send_result *result = &try->result;
        bool failed = result->outcome == SEND_TRANSIENT || result->outcome == SEND_AMBIGUOUS;
        bool outage = delivery->outlet->breaker.state != BREAKER_CLOSED && result->counts;
        const struct job_generation *generation = &delivery->job.generation;
        /* The account is refused at any time, one job again and again only by its own fault. */
        bool again = result->opens && world.account_refusals[try->send->id]++ > 0;
        if (again || (failed && !result->throttled && !result->opens && result->status != -1 && !outage))
                world.burnt[try->send->id] |= (uint64_t)1
                                              << (generation->attempt % 8 + 8 * (generation->redrives % 8));
}

/* Takes it off the list and tells. */
static void end(struct try *try)
{
        struct transport *transport = try->transport;
        struct try **link = &transport->tries;
        while (*link != try)
                link = &(*link)->next;
        *link = try->next;
        transport->under_way--;
        try->send->over = true;
        if (strcmp(try->request->mail.subject, try->subject) != 0)
                world_fail("borrowed", "a request changed while it was sent");
        NOTE("w%d id %u effect %u: %s%s", process_number(try->process), try->send->id, try->send->effect,
             send_outcome_word(try->result.outcome), try->result.status == -1 ? " (fenced)" : "");
        try->done(try->context, &try->result);
}

static void on_sent(void *context)
{
        struct try *try = context;
        if (!is_under_way(try))
                return;
        bool late = loop_clock_ms > try->send->begun_ms + SEND_LIMIT_MS;
        if (try->begun && late && try->result.outcome == SEND_DONE && random_one_in(&world.random, 2))
                try->result = send_outcome_cut(true, "timed out"); /* before the reply was read */
        try->send->outcome = try->result.outcome;
        try->send->ambiguous = try->result.outcome == SEND_AMBIGUOUS;
        burn(try, try->context);
        end(try);
}

static void on_accept(void *context)
{
        struct try *try = context;
        const struct process *process = try->process;
        bool there = process->alive && process->incarnation == try->incarnation;
        if (try->local && !there)
                return;
        if (try->result.outcome == SEND_DONE) {
                bool unheard = world_fault(FAULT_AMBIGUOUS);
                if (!unheard || random_one_in(&world.random, 2)) {
                        try->send->accepted = true;
                        world.tally->mails++;
                        check_accept(try->send);
                }
                if (unheard)
                        try->result = send_outcome_cut(true, "not heard");
        }
        if (there)
                process_later(try->process, world_latency(), on_sent, try);
}

static bool is_permanent(const struct send *send)
{
        return world.specs[send->id].permanent >> send->effect & 1;
}

static struct send_result answer(int status, struct slice retry_after, const char *words)
{
        struct send_result result = send_outcome_http(&(struct http_answer){
                .status = status, .retry_after = retry_after, .retry_after_max_ms = 300000});
        send_error_add(&result, slice_of(words), NULL);
        return result;
}

/* Draws how the try will end. Final refusals have words of their own: none is taken for the account's. */
static struct send_result draw(const struct try *try)
{
        static const struct slice nothing = {0};
        static const char *const words[IDS_MAX] = {"first", "second", "third", "fourth"};
        switch (world.services[try->send->outlet]) {
        case SERVICE_UNREACHABLE:
                return send_outcome_cut(false, "not reached");
        case SERVICE_REFUSES_KEY:
                return answer(401, nothing, "");
        case SERVICE_FAILS:
                return answer(500, nothing, "");
        case SERVICE_WELL:
                break;
        }
        if (is_permanent(try->send))
                return answer(422, nothing, words[try->send->id]);
        if (world_fault(FAULT_TRANSIENT))
                return random_one_in(&world.random, 2) ? send_outcome_cut(false, "not reached")
                                                       : answer(408, nothing, "");
        if (world_fault(FAULT_THROTTLE))
                return answer(429, random_one_in(&world.random, 2) ? SLICE_LITERAL("7") : SLICE_LITERAL("1"),
                              "");
        if (world_fault(FAULT_CONFIG))
                return answer(401, nothing, "");
        return (struct send_result){
                .outcome = SEND_DONE, .status = 200, .retry_after_ms = -1, .provider_id = "p"};
}

/* The transport looks at the fence once more, then the request leaves. */
static void on_begin(void *context)
{
        struct try *try = context;
        if (!is_under_way(try))
                return;
        if (process_clock_ms(try->process) > try->valid_until_ms) {
                try->result = send_outcome_fenced();
                process_later(try->process, 1, on_sent, try);
                return;
        }
        try->begun = true;
        try->result = draw(try);
        try->send->frozen_inside = false;
        try->send->begun_ms = loop_clock_ms;
        int64_t takes_ms = world_fault(FAULT_SLOW) ? random_between(&world.random, 1, 2 * SEND_LIMIT_MS)
                                                   : random_between(&world.random, 1, SEND_LIMIT_MS / 2);
        if (takes_ms > SEND_LIMIT_MS) { /* given up at the limit, and heard of by nobody */
                takes_ms = SEND_LIMIT_MS;
                try->result = send_outcome_cut(true, "timed out");
        }
        if (world_fault(FAULT_FREEZE))
                process_freeze(try->process);
        /* Either the last byte has left the worker, or it has yet to be written by it. */
        try->local = random_one_in(&world.random, 2);
        if (try->local)
                process_later(try->process, takes_ms, on_accept, try);
        else
                world_later(takes_ms, on_accept, try);
}

/* Which delivery sends this; the engine's own. */
static struct delivery *sender(const struct process *process, const struct mail_request *request)
{
        struct delivery *delivery;
        TAILQ_FOREACH(delivery, &process->engine->inflight.all, all)
        {
                if (&delivery->request == request)
                        return delivery;
        }
        return NULL;
}

/* Where the effect belongs while all is well. */
static const struct config_outlet *first_choice(const struct config *config, const struct send *send)
{
        const struct spec *spec = &world.specs[send->id];
        const char *name = spec->park ? config->handlers[0].outlet : NULL;
        if (!name)
                name = config->queues[spec->queue].outlet;
        if (spec->named >> send->effect & 1)
                name = config->outlets[0].name;
        return name ? config_outlet_find(config, name) : &config->mail;
}

/* It leaves by its first choice, or by one that this falls back to. */
static void check_route(const struct process *process, const struct send *send)
{
        const struct config *config = &process->config;
        const struct config_outlet *first = first_choice(config, send);
        const char *name = config_outlet_at(config, send->outlet)->name;
        bool among = false;
        if (outlet_of(process, first) == send->outlet)
                return;
        for (size_t i = 0; i < first->fallback.count; i++)
                among |= strcmp(first->fallback.list[i], name) == 0;
        if (!among)
                world_fail("outlet", "id %u effect %u leaves by %s, which is not for it", send->id,
                           send->effect, name);
        check_fallback(send);
}

static struct send *send_new(const struct transport *transport, const struct delivery *delivery,
                             const struct mail_request *request)
{
        const struct process *process = transport->process;
        unsigned effect, id, content;
        static struct send overflow;
        if (!delivery || sscanf(request->mail.subject, "e%u of j%u.%u", &effect, &id, &content) != 3) {
                world_fail("send", "a mail to %s is sent by nobody", request->mail.subject);
                return &overflow;
        }
        if (world.send_count == SENDS_MAX) {
                world_fail("livelock", "more than %d sends", SENDS_MAX);
                return &overflow;
        }
        uint32_t owner = store_owner(slice_of(delivery->owner));
        check_send(process, (uint8_t)id, owner);
        if (delivery->job.effect != effect)
                world_fail("send", "effect %u of id %u is sent in place of %u", effect, id,
                           delivery->job.effect);
        struct send *send = &world.sends[world.send_count++];
        *send = (struct send){.id = (uint8_t)id,
                              .content = (uint8_t)content,
                              .effect = (uint8_t)effect,
                              .outlet = transport->outlet,
                              .process = delivery->engine == process->engine ? world.now_running : NULL,
                              .incarnation = process->incarnation,
                              .run = check_run_of((uint8_t)id, owner),
                              .begun_ms = loop_clock_ms};
        if (delivery->outlet->transport != transport)
                world_fail("outlet", "id %u is sent by another outlet than it has its place at", id);
        check_route(process, send);
        if (send->run >= 0)
                world.runs[send->run].tried = true;
        return send;
}

void transport_send(struct transport *transport, const struct mail_request *request, bool park,
                    struct send_fence fence, send_done *done, void *context)
{
        struct process *process = transport->process;
        const struct delivery *delivery = sender(process, request);
        if (!redis_store_is_up(process->engine->store))
                world_fail("blind send", "w%d sends though it knows that Redis is down",
                           process_number(process));
        if (++transport->under_way > transport->capacity)
                world_fail("account", "w%d sends more at once than it has places", process_number(process));
        struct try *try = world_alloc(sizeof *try);
        *try = (struct try){.process = process,
                            .incarnation = process->incarnation,
                            .transport = transport,
                            .request = request,
                            .done = done,
                            .context = context,
                            .valid_until_ms = fence.valid_until_ms,
                            .send = send_new(transport, delivery, request),
                            .next = transport->tries};
        if (delivery && park != (world.specs[try->send->id].park))
                world_fail("park", "id %u is sent as if its type were the other", try->send->id);
        snprintf(try->subject, sizeof try->subject, "%s", request->mail.subject);
        transport->tries = try;
        process_later(process, world_latency(), on_begin, try);
}

void transport_probe(struct transport *transport, send_done *done, void *context)
{
        (void)transport, (void)done, (void)context;
}

void transport_close(struct transport *transport)
{
        while (transport->tries) {
                struct try *try = transport->tries;
                try->result = send_outcome_stopped(try->begun);
                end(try);
        }
        struct transport **link = &transport->process->transports;
        while (*link != transport)
                link = &(*link)->next;
        *link = transport->next;
        free(transport);
}

static void on_well_again(void *context)
{
        enum service_state *service = context;
        *service = SERVICE_WELL;
        NOTE("a mail service is well again");
}

/* A service is down, or refuses the key, for a while. */
void mailer_outage(void)
{
        uint32_t which = random_below(&world.random, (uint32_t)world.config.outlet_count + 1);
        if (world.services[which] != SERVICE_WELL)
                return;
        world.services[which] =
                (enum service_state)random_between(&world.random, SERVICE_WELL + 1, SERVICE_STATE_COUNT - 1);
        NOTE("the service of outlet %u is %s", which,
             world.services[which] == SERVICE_UNREACHABLE   ? "unreachable"
             : world.services[which] == SERVICE_REFUSES_KEY ? "refusing the key"
                                                            : "failing");
        world_later(random_between(&world.random, 500, 12000), on_well_again, &world.services[which]);
}
