#include "world.h"

#include "core/broker/topology.h"
#include "core/memory/memory.h"
#include "core/message/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* io/amqp/amqp_publisher.h over the world's broker. What a thread of its own does there happens here between
 * the turns of the loop. */

struct parcel {
        struct process *process;
        uint32_t publisher;  /* number */
        struct parcel *next; /* of those that are not reported */
        struct arena *arena;
        struct message *message; /* in the arena until it is reported */
        struct message *kept;    /* as the broker gets it */
        publish_done *done;
        void *context;
        enum publish_outcome outcome;
        uint32_t incarnation, owner;
        struct send *send;                /* of a message that is an effect; NULL: it is a copy */
        bool tick;                        /* of the schedule */
        bool tells;                       /* others of a change: an event */
        int change;                       /* of the job that its copy makes: an enum job_change, -1: none */
        struct job_generation generation; /* of the copy */
        bool local;                       /* not yet written when it ends with its process */
        bool explained;
        int64_t later_ms; /* a copy for the ladder waits so long */
};

struct amqp_publisher {
        struct process *process;
        struct amqp_publisher *next; /* of its process */
        uint32_t number;
        struct parcel *parcels;
};

const char *publish_outcome_word(enum publish_outcome outcome)
{
        static const char *const words[] = {"confirmed", "returned", "nacked",
                                            "unknown",   "unsent",   "unencodable"};
        return words[outcome];
}

struct amqp_publisher *amqp_publisher_open(uv_loop_t *loop, const struct config *config, int64_t timeout_ms)
{
        (void)loop, (void)config;
        if (timeout_ms != CONFIRM_TIMEOUT_MS)
                world_fail("publisher", "another time-out than the simulator's: %d ms", (int)timeout_ms);
        struct amqp_publisher *publisher = memory_zeroed(1, sizeof *publisher);
        publisher->process = process_now();
        publisher->next = process_now()->publishers;
        publisher->number = ++world.publishers;
        process_now()->publishers = publisher;
        return publisher;
}

/* A message of an effect, and by whose fault it may not be there. */
static void end_send(const struct parcel *parcel)
{
        struct send *send = parcel->send;
        send->over = true;
        send->outcome = parcel->outcome == PUBLISH_CONFIRMED ? SEND_DONE : SEND_TRANSIENT;
        if (parcel->outcome != PUBLISH_CONFIRMED && parcel->outcome != PUBLISH_UNSENT)
                check_burnt(send->id, ((const struct delivery *)parcel->context)->job.generation);
}

/* Takes it off the list and tells. */
static void report(struct amqp_publisher *publisher, struct parcel *parcel)
{
        struct parcel **link = &publisher->parcels;
        while (*link && *link != parcel)
                link = &(*link)->next;
        if (!*link)
                return;
        *link = parcel->next;
        NOTE("w%d publish %s", process_number(publisher->process), publish_outcome_word(parcel->outcome));
        if (parcel->send)
                end_send(parcel);
        parcel->done(parcel->context, parcel->outcome, parcel->outcome == PUBLISH_CONFIRMED ? "" : "a fault");
        arena_free(parcel->arena);
}

static void on_outcome(void *context)
{
        struct parcel *parcel = context;
        struct amqp_publisher *publisher = parcel->process->publishers;
        while (publisher && publisher->number != parcel->publisher)
                publisher = publisher->next;
        if (publisher)
                report(publisher, parcel);
}

/* The copy of a decision is there, whoever records that. */
static void note_change(const struct parcel *parcel)
{
        uint8_t id, content;
        if (parcel->change >= 0 && message_read(parcel->kept, &id, &content))
                events_changed(id, content, (enum job_change)parcel->change, parcel->generation);
}

static void on_arrival(void *context)
{
        struct parcel *parcel = context;
        const struct process *process = parcel->process;
        if (parcel->local && (!process->alive || process->incarnation != parcel->incarnation))
                return;
        if (world.staged)
                NOTE("a message arrives");
        else if (parcel->tick)
                ticks_published(parcel->kept);
        else if (parcel->tells)
                events_told(parcel->kept);
        else if (parcel->send)
                check_accept(parcel->send);
        else
                broker_take_copy(parcel->kept, parcel->owner, parcel->explained, parcel->later_ms);
        note_change(parcel);
        if (!parcel->explained && process->incarnation == parcel->incarnation)
                process_later(parcel->process, world_latency(), on_outcome, parcel);
}

static bool unencodable(const struct message *message)
{
        uint8_t id, content;
        return message_read(message, &id, &content) && world.specs[id].unencodable;
}

static void end_later(struct parcel *parcel, enum publish_outcome outcome, int64_t delay_ms)
{
        parcel->outcome = outcome;
        process_later(parcel->process, delay_ms, on_outcome, parcel);
}

/* An event gets there, is returned, or not confirmed, whether it got there or not. */
static void post_event(struct parcel *parcel)
{
        parcel->explained = world_fault(FAULT_EVENT_LOST);
        parcel->outcome = PUBLISH_CONFIRMED;
        parcel->local = random_one_in(&world.random, 2);
        if (parcel->explained)
                end_later(parcel, random_one_in(&world.random, 2) ? PUBLISH_NACKED : PUBLISH_UNKNOWN,
                          random_between(&world.random, 1, CONFIRM_TIMEOUT_MS));
        if (!parcel->explained || random_one_in(&world.random, 2))
                world_later(world_latency(), on_arrival, parcel);
}

static bool is_blocked(void)
{
        return loop_clock_ms < world.blocked_until_ms;
}

void publishers_block(void)
{
        if (is_blocked())
                return;
        world.blocked_since_ms = loop_clock_ms;
        world.blocked_until_ms = loop_clock_ms + random_between(&world.random, 500, 15000);
        NOTE("the broker blocks who publishes until %lld", (long long)world.blocked_until_ms);
}

static void post(struct parcel *parcel);

static void on_unblocked(void *context)
{
        post(context);
}

/* It waits, and is not sent if that takes too long; or it is the first on a new connection, which is not yet
 * told that it is blocked: then nobody knows. */
static void post_blocked(struct parcel *parcel)
{
        int64_t wait_ms = world.blocked_until_ms - loop_clock_ms;
        bool told = parcel->tells || random_one_in(&world.random, 2);
        if (wait_ms >= CONFIRM_TIMEOUT_MS)
                end_later(parcel, told ? PUBLISH_UNSENT : PUBLISH_UNKNOWN, CONFIRM_TIMEOUT_MS);
        else
                process_later(parcel->process, wait_ms, on_unblocked, parcel);
}

/* Draws what becomes of it. */
static void post(struct parcel *parcel)
{
        if (is_blocked())
                post_blocked(parcel);
        else if (world.staged && world.staged_refusal != PUBLISH_CONFIRMED)
                end_later(parcel, world.staged_refusal, world_latency());
        else if (parcel->tells)
                post_event(parcel);
        else if (!parcel->send && !parcel->tick && unencodable(parcel->message)) {
                end_later(parcel, PUBLISH_UNENCODABLE, world_latency());
        } else if (world_fault(FAULT_UNSENT)) {
                end_later(parcel, PUBLISH_UNSENT, CONFIRM_TIMEOUT_MS);
        } else if (world_fault(FAULT_NACK)) {
                bool returned = random_one_in(&world.random, 2);
                end_later(parcel, returned ? PUBLISH_RETURNED : PUBLISH_NACKED, world_latency());
        } else if (world_fault(FAULT_PUBLISH_LOST)) {
                end_later(parcel, PUBLISH_UNKNOWN, random_between(&world.random, 1, CONFIRM_TIMEOUT_MS));
        } else if (world_fault(FAULT_CONFIRM_LOST)) {
                parcel->explained = true;
                end_later(parcel, PUBLISH_UNKNOWN, random_between(&world.random, 1, CONFIRM_TIMEOUT_MS));
                world_later(random_between(&world.random, 1, 15000), on_arrival, parcel);
        } else {
                parcel->outcome = PUBLISH_CONFIRMED;
                parcel->local = random_one_in(&world.random, 2);
                world_later(world_latency(), on_arrival, parcel);
        }
}

/* The message is one of an effect of that delivery: "e0 of j1.0 v0 item 0". */
static struct send *child_send(const struct process *process, const struct message *message,
                               const struct delivery *delivery)
{
        char text[40];
        unsigned item = 0, effect, id, content, version;
        snprintf(text, sizeof text, "%.*s", SLICE_PRINT(message->body));
        if (sscanf(text, "\"e%u of j%u.%u v%u item %u", &effect, &id, &content, &version, &item) != 5)
                world_fail("publish", "%s is published, which nobody planned", text);
        struct send *send = service_send_new(process, delivery, PUBLISH_WAY, text + 1);
        /* Its place was given before that, and what is asked of the store meanwhile has its time-outs. */
        if (is_blocked() && loop_clock_ms - world.blocked_since_ms > 2 * STORE_TIMEOUT_MS && !process->frozen)
                world_fail("blocked", "id %u publishes though the broker has long blocked it", send->id);
        send->item = (uint8_t)item;
        if (world.specs[send->id].kinds[send->effect] != EFFECT_PUBLISH)
                world_fail("send", "id %u effect %u leaves as another kind", send->id, send->effect);
        if (strcmp(delivery->outlet->config->name, "publish") != 0)
                world_fail("outlet", "id %u publishes by the outlet %s", send->id,
                           delivery->outlet->config->name);
        return send;
}

/* What the copy that is published changes the job to; -1: nothing that others could be told of. */
static int change_made(const struct job *job)
{
        enum job_decision_kind kind = job->decision.kind;
        if (!job->recorded || job->phase == JOB_DELAYING)
                return -1;
        if (kind == DECISION_DEAD)
                return CHANGE_DEAD;
        return kind == DECISION_RETRY || kind == DECISION_DEFER ? CHANGE_RETRYING : -1;
}

/* What is known of a message of a job, which is `delivery`: its copy, its effect, or an event. */
static void parcel_of_job(struct parcel *parcel, const struct delivery *delivery)
{
        const struct message *message = parcel->message;
        bool child = slice_is(message->exchange, EXCHANGE_IN);
        parcel->tells = slice_is(message->exchange, EVENTS_EXCHANGE);
        if (!child && !parcel->tells) {
                check_publish(parcel->process, message, delivery);
                parcel->change = change_made(&delivery->job);
        }
        parcel->owner = store_owner(slice_of(delivery->owner));
        parcel->generation = job_decision_generation(&delivery->job);
        parcel->send = child ? child_send(parcel->process, message, delivery) : NULL;
}

void amqp_publisher_publish(struct amqp_publisher *publisher, struct arena *arena, struct message *message,
                            publish_done *done, void *context)
{
        struct parcel *parcel = world_alloc(sizeof *parcel);
        *parcel = (struct parcel){.process = publisher->process,
                                  .incarnation = publisher->process->incarnation,
                                  .publisher = publisher->number,
                                  .tick = slice_is(message->body, TICK_DATA),
                                  .change = -1,
                                  .later_ms = message->wait_until_ms - process_clock_ms(publisher->process),
                                  .arena = arena,
                                  .message = message,
                                  .done = done,
                                  .context = context,
                                  .next = publisher->parcels};
        if (!parcel->tick && !world.staged)
                parcel_of_job(parcel, context);
        publisher->parcels = parcel;
        parcel->kept = message_copy(world_memory_enter(), message);
        world_memory_leave();
        post(parcel);
}

bool amqp_publisher_is_blocked(const struct amqp_publisher *publisher)
{
        (void)publisher;
        return is_blocked();
}

bool amqp_publisher_is_up(const struct amqp_publisher *publisher)
{
        (void)publisher;
        return true;
}

void amqp_publisher_trouble(const struct amqp_publisher *publisher, char text[AMQP_ERROR_MAX])
{
        (void)publisher;
        text[0] = '\0';
}

uint64_t amqp_publisher_losses(const struct amqp_publisher *publisher)
{
        (void)publisher;
        return 0;
}

void amqp_publisher_close(struct amqp_publisher *publisher, int64_t grace_ms)
{
        (void)grace_ms;
        while (publisher->parcels) {
                publisher->parcels->outcome = PUBLISH_UNKNOWN;
                publisher->parcels->explained = true;
                report(publisher, publisher->parcels);
        }
        struct amqp_publisher **link = &publisher->process->publishers;
        while (*link != publisher)
                link = &(*link)->next;
        *link = publisher->next;
        free(publisher);
}
