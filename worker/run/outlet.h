#ifndef LEVERET_RUN_OUTLET_H
#define LEVERET_RUN_OUTLET_H

#include "core/job/breaker.h"
#include "core/job/fair.h"
#include "core/job/limiter.h"
#include "core/job/pace.h"
#include "core/job/share.h"
#include "core/job/window.h"
#include "core/settings/config.h"
#include "io/send/transport.h"
#include "run/obstacle.h"

#include <sys/queue.h>
#include <uv.h>

struct delivery;
struct engine;
TAILQ_HEAD(delivery_list, delivery);
TAILQ_HEAD(outlet_list, outlet);

/* How many effects are published at once, each with all messages of its batch. */
enum { OUTLET_PUBLISH_PLACES = 256 };

/*
 * One way out of the process and all that holds it back: how many sends at once, how many a second, the
 * breaker, and a pause that the service asked for. Owned by the engine, used on the loop's thread. Times are
 * milliseconds of CLOCK_BOOTTIME.
 */
struct outlet {
        const struct config_outlet *config;
        struct engine *engine;       /* for what is asked for it; NULL in a lane */
        size_t index;                /* among the outlets of the engine; a lane has that of its outlet */
        struct outlet *parent;       /* of a lane: the outlet, whose rate it shares; else NULL */
        const char *origin;          /* of a lane: where it leads; else NULL */
        struct transport *transport; /* NULL before outlet_open and after outlet_close */
        bool look_refused;           /* the service would not be asked when the worker started */
        bool away;                   /* `publish`: the publisher's connection is down or blocked */
        TAILQ_ENTRY(outlet) lane;
        struct breaker breaker;
        struct limiter limiter;
        struct window window;       /* how many at once the service takes */
        struct pace pace;           /* how many a second */
        struct share share;         /* and over all workers; a lane has that of its parent */
        int64_t throttled_until_ms; /* the service asked for a pause */
        /* Deliveries that want a place, by queue, the oldest of each first. */
        struct delivery_list waiting[CONFIG_QUEUES_MAX];
        uint32_t waiting_count[CONFIG_QUEUES_MAX];
        uint64_t waiting_queues; /* those in which one waits, bit by bit */
        struct fair fair;        /* whose turn it is */
        size_t used;             /* places that are taken */
        uint64_t put_off;        /* mails, for the rate of a domain */
};

/* A place at an outlet, as its holder keeps it. Zeroed: none. */
struct outlet_place {
        bool held;
        bool probe; /* its send is the probe of the half-open breaker */
        bool sent;  /* a send began in it: its token is spent */
        bool spare; /* it has no token of the rate that is shared */
};

/* Nothing waits, nothing is open. `config` is borrowed and may change with a reload. */
void outlet_init(struct outlet *outlet, const struct config_outlet *config, int64_t now_ms);
/* http smtp log, post or publish. */
const char *outlet_transport_word(const struct config_outlet *config);
/* Opens the transport of a mail outlet; one of the kind post is opened lane by lane. False with the cause in
 * `error` (256 bytes). */
bool outlet_open(struct outlet *outlet, uv_loop_t *loop, char *error);
/* The lane is open by that transport, which it owns from now on. */
void outlet_open_lane(struct outlet *lane, struct transport *transport);
/* Ends all sends; may be called for one that is not open. */
void outlet_close(struct outlet *outlet);
/* After a reload: other limits from now on. */
void outlet_configure(struct outlet *outlet, int64_t now_ms);
/* What share of the places a queue has. */
void outlet_weigh(struct outlet *outlet, size_t queue, int64_t weight);

/* Takes a place, and with it a token of the rate, if one more send may begin now: the one place that decides
 * it. False: `place` is untouched. */
bool outlet_take(struct outlet *outlet, struct outlet_place *place, int64_t now_ms);
/* The same without a token of the rate that is shared: for what is rare and concerns people. */
bool outlet_take_spare(struct outlet *outlet, struct outlet_place *place, int64_t now_ms);
/* Gives the place back, and the token too if nothing was sent in it. */
void outlet_give(struct outlet *outlet, struct outlet_place *place);

/* What the end of a send changed. */
struct outlet_news {
        bool outage;  /* the breaker was or is now open: the message is innocent */
        bool changed; /* the breaker's state */
        bool opened;  /* the breaker, which was closed: the outage is a new one */
        bool slowed;  /* the service asked for a pause */
        bool again;   /* nothing was sent: the service takes fewer connections; the job wants a place again */
        bool narrowed; /* ... and people are to be told of it */
};
/* The end of a send in that place. `job` is a hash of the job's id. */
struct outlet_news outlet_result(struct outlet *outlet, struct outlet_place *place, uint64_t job,
                                 const struct send_result *result, int64_t now_ms);

/* Lets time pass. True if the breaker became half open. */
bool outlet_tick(struct outlet *outlet, int64_t now_ms);
/* How long until something here changes by itself that somebody waits for; -1: nothing will. */
int64_t outlet_due_ms(const struct outlet *outlet, int64_t now_ms);
/* Why nothing can be sent for so long that jobs are better put off, as a set of obstacles; 0: not shut. */
uint32_t outlet_shut_because(const struct outlet *outlet, int64_t now_ms);
/* How many deliveries want a place. */
size_t outlet_waiting(const struct outlet *outlet);
/* One of the queue was put on its list, or taken from it (`more` false). */
void outlet_waits(struct outlet *outlet, size_t queue, bool more);
/* The delivery whose turn it is to get the next place, or NULL. */
struct delivery *outlet_first(const struct outlet *outlet);
/* A place was given to one of the queue. */
void outlet_served(struct outlet *outlet, size_t queue);
/* Milliseconds of the pause that the service asked for; 0: none. */
int64_t outlet_throttle_ms(const struct outlet *outlet, int64_t now_ms);
/* Another worker was asked for a pause. */
void outlet_throttle(struct outlet *outlet, int64_t pause_ms, int64_t now_ms);
/* How many sends could begin at once, were there no limit of a rate. */
size_t outlet_free(const struct outlet *outlet, int64_t now_ms);
/* Is a place free that no job is waiting for, at a service that is well? */
bool outlet_is_idle(const struct outlet *outlet);

/* on_ambiguous at the outlet, as it holds now that its service was asked. */
enum on_ambiguous outlet_on_ambiguous(const struct outlet *outlet);

#endif
