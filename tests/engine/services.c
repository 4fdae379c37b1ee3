#include "world.h"

#include "core/memory/memory.h"
#include "core/send/mail_look.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"
#include "io/send/post_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* io/send/transport.h and io/send/post_http.h over services that accept, refuse, are slow, or are not heard.
 */

struct
try {
        struct process *process;
        struct try *next;    /* of those that are not ended */
        const void *request; /* the engine's own: of a mail, or of a post */
        send_done *done;
        void *context;
        int64_t valid_until_ms;
        struct send *send;
        struct send_result result;
        struct transport *transport;
        const char *text; /* what names the effect in the request */
        char was[64];
        uint32_t incarnation;
        bool begun, local;
};

struct transport {
        struct process *process;
        struct transport *next;
        uint8_t outlet; /* its number */
        bool posts, alerts;
        size_t capacity, under_way;
        struct try *tries;
        struct asking *asked;
};

static uint8_t outlet_of(const struct process *process, const struct config_outlet *config)
{
        return config == &process->config.mail ? 0 : (uint8_t)(config - process->config.outlets + 1);
}

static struct transport *open_any(const struct config_outlet *config, int64_t connections)
{
        struct process *process = process_now();
        struct transport *transport = memory_zeroed(1, sizeof *transport);
        bool alerts = strcmp(config->name, "alerts") == 0;
        *transport = (struct transport){.process = process,
                                        .capacity = (size_t)connections,
                                        .outlet = alerts ? 0 : outlet_of(process, config),
                                        .alerts = alerts,
                                        .posts = config->kind == OUTLET_POST,
                                        .next = process->transports};
        process->transports = transport;
        return transport;
}

struct transport *transport_open(uv_loop_t *loop, const struct config_outlet *config, char *error)
{
        (void)loop, (void)error;
        return open_any(config, config->http.connections);
}

struct transport *post_http_open(uv_loop_t *loop, const struct config_outlet *config, bool allow_private)
{
        (void)loop, (void)allow_private;
        return open_any(config, config->post.connections);
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
        /* The account is refused at any time, one job again and again only by its own fault. */
        bool again = result->opens && world.account_refusals[try->send->id]++ > 0;
        if (again || (failed && !result->throttled && !result->opens && result->status != -1 && !outage))
                check_burnt(try->send->id, delivery->job.generation);
        else
                return;
        if (result->outcome == SEND_AMBIGUOUS && try->send->run >= 0) {
                struct run *run = &world.runs[try->send->run];
                run->unheard |= (uint8_t)(1u << try->send->effect);
                run->unheard_by = delivery->outlet;
                run->can_ask = mail_look_policy(delivery->outlet->config) == ON_AMBIGUOUS_LOOKUP;
        }
}

static void take_off(struct try *try)
{
        struct try **link = &try->transport->tries;
        while (*link != try)
                link = &(*link)->next;
        *link = try->next;
        try->transport->under_way--;
}

/* Takes it off the list and tells. */
static void end(struct try *try)
{
        take_off(try);
        if (try->transport->alerts) {
                try->done(try->context, &try->result);
                return;
        }
        try->send->over = true;
        if (strncmp(try->text, try->was, strlen(try->was)) != 0)
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
        if (!world.staged)
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

/* Each origin to which posts lead is a service of its own. */
static enum service_state *service_of(const struct send *send)
{
        return &world.services[send->outlet][send->origin];
}

/* Draws how the try will end. Final refusals have words of their own: none is taken for the account's. */
static struct send_result draw(const struct try *try)
{
        static const struct slice nothing = {0};
        static const char *const words[IDS_MAX] = {"first", "second", "third", "fourth"};
        switch (*service_of(try->send)) {
        case SERVICE_UNREACHABLE:
                return send_outcome_cut(false, "not reached");
        case SERVICE_REFUSES_KEY:
                return answer(401, nothing, "");
        case SERVICE_FAILS:
                return answer(500, nothing, "");
        case SERVICE_SILENT:
                return send_outcome_cut(true, "timed out");
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
        try->send->frozen_inside = try->process->frozen; /* by another send of this very moment */
        try->send->begun_ms = loop_clock_ms;
        int64_t takes_ms = world_fault(FAULT_SLOW) ? random_between(&world.random, 1, 2 * SEND_LIMIT_MS)
                                                   : random_between(&world.random, 1, SEND_LIMIT_MS / 2);
        if (*service_of(try->send) == SERVICE_SILENT)
                takes_ms = SEND_LIMIT_MS;
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
static const struct delivery *sender(const struct process *process, const void *request)
{
        const struct delivery *delivery;
        TAILQ_FOREACH(delivery, &process->engine->inflight.all, all)
        {
                if ((const void *)&delivery->request == request)
                        return delivery;
        }
        return NULL;
}

/* Where the effect belongs while all is well. */
static const struct config_outlet *first_choice(const struct config *config, const struct send *send)
{
        const struct spec *spec = &world.specs[send->id];
        bool named = spec->named >> send->effect & 1;
        if (spec->kinds[send->effect] == EFFECT_POST)
                return &config->outlets[world.mail_count - 1 + (named && world.post_count > 1)];
        const char *name = spec->park ? config->handlers[0].outlet : NULL;
        if (!name)
                name = config->queues[spec->queue].outlet;
        if (named && world.mail_count > 1)
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
        check_one_outlet(send);
        if (outlet_of(process, first) == send->outlet)
                return;
        for (size_t i = 0; i < first->fallback.count; i++)
                among |= strcmp(first->fallback.list[i], name) == 0;
        if (!among)
                world_fail("outlet", "id %u effect %u leaves by %s, which is not for it", send->id,
                           send->effect, name);
        check_fallback(send);
}

/* One that no delivery sends. */
static struct send *stage_send(uint8_t outlet)
{
        if (world.send_count == SENDS_MAX)
                world_fail("livelock", "more than %d sends", SENDS_MAX);
        struct send *send = &world.sends[world.send_count++];
        *send = (struct send){
                .outlet = outlet, .process = world.now_running, .run = -1, .begun_ms = loop_clock_ms};
        return send;
}

struct send *service_send_new(const struct process *process, const struct delivery *delivery, uint8_t outlet,
                              const char *text)
{
        unsigned effect, id, content, version;
        static struct send overflow;
        if (world.staged)
                return stage_send(outlet);
        if (!delivery || sscanf(text, "e%u of j%u.%u v%u", &effect, &id, &content, &version) != 4) {
                world_fail("send", "%.40s is sent by nobody", text);
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
        if (!redis_store_is_up(process->engine->store))
                world_fail("blind send", "w%d sends though it knows that Redis is down",
                           process_number(process));
        struct send *send = &world.sends[world.send_count++];
        *send = (struct send){.id = (uint8_t)id,
                              .content = (uint8_t)content,
                              .effect = (uint8_t)effect,
                              .outlet = outlet,
                              .version = (uint8_t)version,
                              .process = delivery->engine == process->engine ? world.now_running : NULL,
                              .incarnation = process->incarnation,
                              .run = check_run_of((uint8_t)id, owner),
                              .begun_ms = loop_clock_ms};
        if (send->run >= 0)
                world.runs[send->run].tried = true;
        check_plan(send);
        check_attempt(send);
        return send;
}

/* A request is on its way; `text` is the part of it that names the effect. */
static void begin(struct transport *transport, const void *request, const char *text, struct send_terms terms,
                  send_done *done, void *context)
{
        struct process *process = transport->process;
        const struct delivery *delivery = sender(process, request);
        if (++transport->under_way > transport->capacity)
                world_fail("account", "w%d sends more at once than it has places", process_number(process));
        struct try *try = world_alloc(sizeof *try);
        *try = (struct try){.process = process,
                            .incarnation = process->incarnation,
                            .transport = transport,
                            .request = request,
                            .text = text,
                            .done = done,
                            .context = context,
                            .valid_until_ms = terms.valid_until_ms,
                            .send = service_send_new(process, delivery, transport->outlet, text),
                            .next = transport->tries};
        if (delivery && delivery->outlet->transport != transport)
                world_fail("outlet", "id %u is sent by another outlet than it has its place at",
                           try->send->id);
        snprintf(try->was, sizeof try->was, "%.12s", text);
        transport->tries = try;
        process_later(process, world_latency(), on_begin, try);
}

static void check_kind(const struct send *send, enum effect_kind kind, bool park)
{
        const struct spec *spec = &world.specs[send->id];
        if (spec->kinds[send->effect] != kind)
                world_fail("send", "id %u effect %u leaves as another kind", send->id, send->effect);
        if (park != spec->park)
                world_fail("park", "id %u is sent as if its type were the other", send->id);
}

void transport_send(struct transport *transport, const struct mail_request *request, struct send_terms terms,
                    send_done *done, void *context)
{
        begin(transport, request, request->mail.subject, terms, done, context);
        const struct send *send = transport->tries->send;
        check_kind(send, EFFECT_MAIL, terms.park);
        check_route(transport->process, send);
        bool fetched = request->fetched != NULL;
        if (fetched != (world.specs[send->id].files >> send->effect & 1))
                world_fail("files", "id %u effect %u leaves without its files", send->id, send->effect);
}

static void on_alert_taken(void *context)
{
        struct try *try = context;
        if (is_under_way(try))
                end(try);
}

static void begin_alert(struct transport *transport, const char *digest, send_done *done, void *context)
{
        struct process *process = transport->process;
        struct try *try = world_alloc(sizeof *try);
        bool heard = alerts_post(process, digest);
        if (++transport->under_way > transport->capacity)
                world_fail("account", "w%d posts two alerts at once", process_number(process));
        *try = (struct try){.process = process,
                            .transport = transport,
                            .done = done,
                            .context = context,
                            .result = {.outcome = heard ? SEND_DONE : SEND_PERMANENT, .retry_after_ms = -1},
                            .next = transport->tries};
        transport->tries = try;
        process_later(process, 3, on_alert_taken, try);
}

void post_http_send(struct transport *transport, const struct post_request *request, struct send_terms terms,
                    send_done *done, void *context)
{
        if (transport->alerts) {
                begin_alert(transport, request->body.data, done, context);
                return;
        }
        const char *text = strstr(request->body.data, "\"e");
        begin(transport, request, text ? text + 1 : "", terms, done, context);
        struct send *send = transport->tries->send;
        send->origin = strstr(request->url, world_origins[1]) == request->url;
        check_kind(send, EFFECT_POST, terms.park);
        check_route(transport->process, send);
}

/* ---- being asked what was accepted ---- */

struct asking {
        struct process *process;
        struct transport *transport;
        struct asking *next; /* of those that are not answered */
        look_done *done;
        void *context;
        struct send send; /* what is asked for */
};

static bool is_accepted(const struct send *asked)
{
        bool accepted = false;
        for (uint32_t i = 0; i < world.send_count; i++) {
                const struct send *send = &world.sends[i];
                accepted |= send->accepted && send->id == asked->id && send->content == asked->content &&
                            send->effect == asked->effect && send->outlet == asked->outlet;
        }
        return accepted;
}

static void answer_asking(struct asking *asking, enum look_answer answer)
{
        struct asking **link = &asking->transport->asked;
        while (*link != asking)
                link = &(*link)->next;
        *link = asking->next;
        asking->done(asking->context, &(struct look_result){.answer = answer, .retry_after_ms = -1});
}

/* Who is told so may take another outlet after the next refusal. */
static void tries_are_missed(const struct send *asked)
{
        for (struct send *send = world.sends; send < world.sends + world.send_count; send++)
                if (send->id == asked->id && send->content == asked->content &&
                    send->effect == asked->effect && send->outlet == asked->outlet)
                        send->missed = send->over && !send->accepted;
}

static void on_asked(void *context)
{
        struct asking *asking = context;
        const struct transport *transport = asking->process->transports;
        while (transport && transport != asking->transport)
                transport = transport->next;
        const struct asking *other = transport ? transport->asked : NULL;
        while (other && other != asking)
                other = other->next;
        if (!other)
                return;
        enum look_answer answer = is_accepted(&asking->send) ? LOOK_FOUND : LOOK_NOT_FOUND;
        if (*service_of(&asking->send) != SERVICE_WELL)
                answer = LOOK_UNKNOWN;
        if (asking->send.effect < EFFECTS_MAX) { /* not the trial at the start */
                world.tally->looks[answer]++;
                NOTE("id %u effect %u is asked for at outlet %u: %s", asking->send.id, asking->send.effect,
                     asking->send.outlet, look_answer_word(answer));
        }
        if (answer == LOOK_NOT_FOUND)
                tries_are_missed(&asking->send);
        answer_asking(asking, answer);
}

void transport_look(struct transport *transport, const struct mail_request *request, look_done *done,
                    void *context)
{
        unsigned effect = EFFECTS_MAX, id = 0, content = 0;
        struct asking *asking = world_alloc(sizeof *asking);
        sscanf(request->mail.subject, "e%u of j%u.%u", &effect, &id, &content); /* else it is the trial */
        *asking = (struct asking){.process = transport->process,
                                  .transport = transport,
                                  .next = transport->asked,
                                  .done = done,
                                  .context = context,
                                  .send = {.id = (uint8_t)id,
                                           .content = (uint8_t)content,
                                           .effect = (uint8_t)effect,
                                           .outlet = transport->outlet}};
        transport->asked = asking;
        process_later(transport->process, world_latency(), on_asked, asking);
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
        while (transport->asked)
                answer_asking(transport->asked, LOOK_UNKNOWN);
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
        NOTE("a service is well again");
}

static const char *const service_words[SERVICE_STATE_COUNT] = {[SERVICE_UNREACHABLE] = "unreachable",
                                                               [SERVICE_REFUSES_KEY] = "refusing the key",
                                                               [SERVICE_FAILS] = "failing",
                                                               [SERVICE_SILENT] = "silent"};

static void outage_begin(uint32_t which, uint32_t origin, enum service_state state)
{
        enum service_state *service = &world.services[which][origin];
        if (*service != SERVICE_WELL)
                return;
        *service = state;
        NOTE("the service of outlet %u is %s", which, service_words[state]);
        world_later(random_between(&world.random, 500, 12000), on_well_again, service);
}

void service_outage(void)
{
        uint32_t which = random_below(&world.random, (uint32_t)world.config.outlet_count + 1);
        bool posts = which >= world.mail_count;
        enum service_state state =
                (enum service_state)random_between(&world.random, SERVICE_WELL + 1, SERVICE_STATE_COUNT - 1);
        outage_begin(which, posts && random_one_in(&world.random, 2), state);
}

void service_first_outage(void)
{
        outage_begin(0, 0, random_one_in(&world.random, 4) ? SERVICE_UNREACHABLE : SERVICE_REFUSES_KEY);
}
