#include "run/outlet.h"

#include "core/send/mail_look.h"

/* A pause that the service asked for is waited out in place if it is shorter than this; else jobs are put
 * off. */
#define THROTTLE_HOLD_MS 5000
/* The pause for a service that says "too many requests" and no more, before its pace is known. */
#define THROTTLE_DEFAULT_MS 1000
/* How many sends begin at once before anything is known of the service. */
#define FIRST_SENDS 4

void outlet_init(struct outlet *outlet, const struct config_outlet *config, int64_t now_ms)
{
        *outlet = (struct outlet){.config = config};
        for (size_t i = 0; i < CONFIG_QUEUES_MAX; i++)
                TAILQ_INIT(&outlet->waiting[i]);
        breaker_init(&outlet->breaker, config->breaker.failures, config->breaker.open_ms,
                     config->breaker.open_max_ms);
        limiter_init(&outlet->limiter, config->rate, now_ms);
        share_configure(&outlet->share, config->rate_shared);
}

const char *outlet_transport_word(const struct config_outlet *config)
{
        static const char *const words[] = {
                [TRANSPORT_HTTP] = "http", [TRANSPORT_SMTP] = "smtp", [TRANSPORT_LOG] = "log"};
        switch (config->kind) {
        case OUTLET_MAIL:
                return words[config->transport];
        case OUTLET_POST:
                return "post";
        case OUTLET_PUBLISH:
                return "publish";
        }
        return "";
}

bool outlet_open(struct outlet *outlet, uv_loop_t *loop, char *error)
{
        if (outlet->config->kind == OUTLET_PUBLISH)
                window_init(&outlet->window, OUTLET_PUBLISH_PLACES, OUTLET_PUBLISH_PLACES);
        if (outlet->config->kind != OUTLET_MAIL)
                return true;
        outlet->transport = transport_open(loop, outlet->config, error);
        if (!outlet->transport)
                return false;
        /* What writes to the log has no limit to be found. */
        size_t capacity = transport_capacity(outlet->transport);
        bool known = outlet->config->transport == TRANSPORT_LOG;
        window_init(&outlet->window, known ? capacity : FIRST_SENDS, capacity);
        return true;
}

void outlet_open_lane(struct outlet *lane, struct transport *transport)
{
        size_t capacity = transport_capacity(transport);
        lane->transport = transport;
        window_init(&lane->window, capacity < FIRST_SENDS ? capacity : FIRST_SENDS, capacity);
}

void outlet_close(struct outlet *outlet)
{
        if (outlet->transport)
                transport_close(outlet->transport);
        outlet->transport = NULL;
}

void outlet_configure(struct outlet *outlet, int64_t now_ms)
{
        const struct config_outlet *config = outlet->config;
        limiter_init(&outlet->limiter, config->rate, now_ms);
        share_configure(&outlet->share, config->rate_shared);
        breaker_configure(&outlet->breaker, config->breaker.failures, config->breaker.open_ms,
                          config->breaker.open_max_ms);
}

int64_t outlet_throttle_ms(const struct outlet *outlet, int64_t now_ms)
{
        return outlet->throttled_until_ms > now_ms ? outlet->throttled_until_ms - now_ms : 0;
}

void outlet_throttle(struct outlet *outlet, int64_t pause_ms, int64_t now_ms)
{
        if (now_ms + pause_ms > outlet->throttled_until_ms)
                outlet->throttled_until_ms = now_ms + pause_ms;
}

/* The lanes of an outlet share its rate. */
static struct outlet *rated(struct outlet *outlet)
{
        return outlet->parent ? outlet->parent : outlet;
}

size_t outlet_free(const struct outlet *outlet, int64_t now_ms)
{
        return window_room(&outlet->window, outlet->used, now_ms);
}

bool outlet_take_spare(struct outlet *outlet, struct outlet_place *place, int64_t now_ms)
{
        /* The breaker last: what it admits half open is its only probe. */
        if (outlet->away || !window_is_open(&outlet->window, outlet->used, now_ms) ||
            outlet_throttle_ms(outlet, now_ms) > 0 || pace_wait_ms(&outlet->pace, now_ms) > 0 ||
            limiter_wait_ms(&rated(outlet)->limiter, now_ms) > 0 || !breaker_admit(&outlet->breaker))
                return false;
        limiter_take(&rated(outlet)->limiter, now_ms);
        window_begin(&outlet->window, now_ms);
        pace_begin(&outlet->pace, now_ms);
        outlet->used++;
        *place = (struct outlet_place){
                .held = true, .spare = true, .probe = outlet->breaker.state == BREAKER_HALF_OPEN};
        return true;
}

bool outlet_take(struct outlet *outlet, struct outlet_place *place, int64_t now_ms)
{
        struct share *share = &rated(outlet)->share;
        if (share_wait_ms(share, now_ms) != 0 || !outlet_take_spare(outlet, place, now_ms))
                return false;
        share_take(share, now_ms);
        place->spare = false;
        return true;
}

void outlet_give(struct outlet *outlet, struct outlet_place *place)
{
        if (!place->held)
                return;
        outlet->used--;
        if (!place->sent) {
                limiter_give(&rated(outlet)->limiter);
                if (!place->spare)
                        share_give(&rated(outlet)->share);
        }
        if (place->probe)
                breaker_withdraw(&outlet->breaker);
        *place = (struct outlet_place){0};
}

/* The result says that one connection was too many, and others are served. */
static bool is_one_too_many(struct outlet *outlet, const struct send_result *result, int64_t now_ms)
{
        const struct window_refusal refusal = {
                .used = outlet->used, .standing = result->standing, .told = result->crowd_told};
        return result->crowded && window_refused(&outlet->window, &refusal, now_ms) &&
               outlet->breaker.state == BREAKER_CLOSED;
}

/* What the service says of how many it takes. */
static void learn(struct outlet *outlet, const struct send_result *result, int64_t now_ms)
{
        if (result->outcome == SEND_DONE) {
                window_served(&outlet->window, outlet->used, now_ms);
                pace_accepted(&outlet->pace, now_ms);
        }
        if (result->limit_reset_ms > 0)
                pace_told(&outlet->pace, result->limit_left, result->limit_reset_ms,
                          (int64_t)outlet->used - 1, now_ms);
        if (result->limit_left == 0 && result->limit_reset_ms >= THROTTLE_HOLD_MS)
                outlet->throttled_until_ms = now_ms + result->limit_reset_ms;
        if (!result->throttled)
                return;
        bool paced = outlet->pace.per_second > 0;
        pace_refused(&outlet->pace, now_ms);
        int64_t wait_ms = paced ? 0 : THROTTLE_DEFAULT_MS;
        if (result->retry_after_ms > 0)
                wait_ms = result->retry_after_ms;
        outlet_throttle(outlet, wait_ms, now_ms);
}

struct outlet_news outlet_result(struct outlet *outlet, struct outlet_place *place, uint64_t job,
                                 const struct send_result *result, int64_t now_ms)
{
        enum breaker_state before = outlet->breaker.state;
        struct outlet_news news = {.slowed = result->throttled};
        news.again = is_one_too_many(outlet, result, now_ms);
        if (news.again) {
                news.narrowed = window_is_news(&outlet->window, now_ms);
                return news;
        }
        news.outage = breaker_result(&outlet->breaker, job, place->probe, result, now_ms);
        news.changed = before != outlet->breaker.state;
        news.opened = before == BREAKER_CLOSED && outlet->breaker.state == BREAKER_OPEN;
        place->probe = false;
        learn(outlet, result, now_ms);
        return news;
}

bool outlet_tick(struct outlet *outlet, int64_t now_ms)
{
        return breaker_tick(&outlet->breaker, now_ms);
}

/* The earlier of two waits, of which -1 is none. */
static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
        if (a_ms < 0 || b_ms < 0)
                return a_ms < 0 ? b_ms : a_ms;
        return a_ms < b_ms ? a_ms : b_ms;
}

int64_t outlet_due_ms(const struct outlet *outlet, int64_t now_ms)
{
        int64_t wait_ms = -1, breaker_ms = breaker_due_ms(&outlet->breaker);
        if (breaker_ms >= 0)
                wait_ms = breaker_ms > now_ms ? breaker_ms - now_ms : 1;
        int64_t throttle_ms = outlet_throttle_ms(outlet, now_ms);
        if (throttle_ms > 0)
                wait_ms = sooner(wait_ms, throttle_ms);
        if (outlet->waiting_queues == 0)
                return wait_ms;
        const struct outlet *rate = outlet->parent ? outlet->parent : outlet;
        const int64_t waits_ms[] = {limiter_wait_ms(&rate->limiter, now_ms),
                                    pace_wait_ms(&outlet->pace, now_ms),
                                    window_wait_ms(&outlet->window, outlet->used, now_ms),
                                    share_wait_ms(&rate->share, now_ms), share_ask_ms(&rate->share, now_ms)};
        for (size_t i = 0; i < sizeof(waits_ms) / sizeof(*waits_ms); i++)
                if (waits_ms[i] > 0)
                        wait_ms = sooner(wait_ms, waits_ms[i]);
        return wait_ms;
}

uint32_t outlet_shut_because(const struct outlet *outlet, int64_t now_ms)
{
        uint32_t set = outlet->breaker.state == BREAKER_OPEN ? OBSTACLE_BIT(BREAKER_OPEN) : 0;
        if (outlet_throttle_ms(outlet, now_ms) >= THROTTLE_HOLD_MS)
                set |= OBSTACLE_BIT(THROTTLED);
        if (outlet->away)
                set |= OBSTACLE_BIT(PUBLISHER_DOWN);
        return set;
}

bool outlet_is_idle(const struct outlet *outlet)
{
        return outlet->transport && outlet->waiting_queues == 0 && outlet->breaker.state == BREAKER_CLOSED;
}

/* ---- who waits ---- */

_Static_assert((int)FAIR_CLASSES_MAX >= (int)CONFIG_QUEUES_MAX, "a class for each queue");

void outlet_weigh(struct outlet *outlet, size_t queue, int64_t weight)
{
        fair_weigh(&outlet->fair, queue, (uint32_t)weight);
}

void outlet_waits(struct outlet *outlet, size_t queue, bool more)
{
        uint64_t bit = UINT64_C(1) << queue;
        outlet->waiting_count[queue] += more ? 1 : (uint32_t)-1;
        if (more && !(outlet->waiting_queues & bit))
                fair_begin(&outlet->fair, queue);
        outlet->waiting_queues =
                outlet->waiting_count[queue] ? outlet->waiting_queues | bit : outlet->waiting_queues & ~bit;
}

struct delivery *outlet_first(const struct outlet *outlet)
{
        if (outlet->waiting_queues == 0)
                return NULL;
        return TAILQ_FIRST(&outlet->waiting[fair_next(&outlet->fair, outlet->waiting_queues)]);
}

void outlet_served(struct outlet *outlet, size_t queue)
{
        fair_serve(&outlet->fair, queue);
}

size_t outlet_waiting(const struct outlet *outlet)
{
        size_t count = 0;
        for (uint64_t left = outlet->waiting_queues; left; left &= left - 1)
                count += outlet->waiting_count[__builtin_ctzll(left)];
        return count;
}

enum on_ambiguous outlet_on_ambiguous(const struct outlet *outlet)
{
        if (outlet->config->kind != OUTLET_MAIL)
                return outlet->config->on_ambiguous;
        bool chosen = outlet->config->has_on_ambiguous;
        enum on_ambiguous policy = mail_look_policy(outlet->config);
        return policy == ON_AMBIGUOUS_LOOKUP && outlet->look_refused && !chosen ? ON_AMBIGUOUS_RESEND
                                                                                : policy;
}
