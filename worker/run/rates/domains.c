#include "core/address/mailbox.h"
#include "core/memory/memory.h"
#include "core/text/units.h"
#include "io/machine/clock.h"
#include "run/send.h"
#include "run/state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* The rates of domains that mails go to. A mail gets a place in the next second, or is put off at once: what
 * waits for one domain must not hold up the others. */

enum { BUCKETS = 256, DOMAINS_KEPT = 1024, NAMES_MAX = 50 };
/* How far in the future a place may be, for who is ahead of its part of the rate and for who is not. */
enum { NEAR_US = 500000, FAR_US = 1000000 };

/* What is known of one domain at one outlet. */
struct domain {
        char *name; /* OUTLET:DOMAIN */
        struct engine *engine;
        struct outlet *outlet;
        double ahead_until_ms;
        int64_t second;
        bool asking;
        uint32_t wanted, back, weight; /* in this turn */
        LIST_ENTRY(domain) same_bucket;
};
LIST_HEAD(domain_bucket, domain);

struct domains {
        struct domain_bucket buckets[BUCKETS];
        size_t count;
};

struct domains *domains_open(void)
{
        struct domains *domains = memory_zeroed(1, sizeof(*domains));
        return domains;
}

/* Frees those that nobody asks for, or all. */
static void forget(struct domains *domains, bool all, int64_t now_ms)
{
        for (size_t i = 0; i < BUCKETS; i++) {
                struct domain *domain = LIST_FIRST(&domains->buckets[i]);
                while (domain) {
                        struct domain *next = LIST_NEXT(domain, same_bucket);
                        if (all || (!domain->asking && domain->ahead_until_ms <= (double)now_ms)) {
                                LIST_REMOVE(domain, same_bucket);
                                domains->count--;
                                free(domain->name);
                                free(domain);
                        }
                        domain = next;
                }
        }
}

void domains_close(struct domains *domains)
{
        forget(domains, true, 0);
        free(domains);
}

static struct domain *find(struct engine *engine, struct outlet *outlet, const char *domain_name)
{
        char name[CONFIG_OUTLET_NAME_MAX + 2 + ADDRESS_MAX];
        uint32_t hash = 2166136261u; /* FNV-1a */
        snprintf(name, sizeof(name), "%s:%s", outlet->config->name, domain_name);
        for (const char *c = name; *c; c++)
                hash = (hash ^ (uint8_t)*c) * 16777619u;
        struct domain_bucket *bucket = &engine->domains->buckets[hash % BUCKETS];
        struct domain *domain;
        LIST_FOREACH(domain, bucket, same_bucket)
        {
                if (strcmp(domain->name, name) == 0)
                        return domain;
        }
        struct buffer copy = {0};
        buffer_add_text(&copy, name);
        domain = memory_zeroed(1, sizeof(*domain));
        *domain = (struct domain){.name = copy.data, .engine = engine, .outlet = outlet};
        LIST_INSERT_HEAD(bucket, domain, same_bucket);
        engine->domains->count++;
        return domain;
}

/* ---- which domains a mail waits for ---- */

/* The rate of the domain: its own, else that of all others; 0: none. */
static double rate_of(const struct config_texts *rates, const char *domain)
{
        double others = 0, rate;
        for (size_t i = 0; i < rates->count; i++) {
                const char *end = strchr(rates->list[i], '\n');
                size_t len = end ? (size_t)(end - rates->list[i]) : 0;
                if (!end || !rate_parse(end + 1, &rate))
                        continue;
                if (len == strlen(domain) && strncasecmp(rates->list[i], domain, len) == 0)
                        return rate;
                if (len == 1 && rates->list[i][0] == '*')
                        others = rate;
        }
        return others;
}

static void add_domain(struct delivery *delivery, struct domain_wait *wait, struct slice address)
{
        struct slice domain = address_domain(address);
        char *name = arena_copy(delivery->arena, domain.data, domain.len);
        for (char *c = name; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        for (size_t i = 0; i < wait->count; i++)
                if (strcmp(wait->names[i], name) == 0)
                        return;
        double rate = rate_of(&wait->outlet->config->rate_domain, name);
        if (rate <= 0 || wait->count == NAMES_MAX)
                return;
        wait->names[wait->count] = name;
        wait->rates[wait->count++] = rate;
}

static struct domain_wait *domain_wait_of(struct delivery *delivery, struct outlet *outlet)
{
        size_t effect = delivery->job.effect;
        if (outlet->config->rate_domain.count == 0 || delivery->plan->effects[effect].kind != EFFECT_MAIL)
                return NULL;
        struct domain_wait *wait = arena_alloc(delivery->arena, sizeof(*wait));
        *wait = (struct domain_wait){.outlet = outlet,
                                     .names = arena_alloc(delivery->arena, NAMES_MAX * sizeof(*wait->names)),
                                     .rates = arena_alloc(delivery->arena, NAMES_MAX * sizeof(*wait->rates))};
        delivery->outlet = outlet;
        const struct mail_request request = request_mail(delivery, effect);
        const char *const lists[] = {request.mail.to, request.mail.cc, request.mail.bcc};
        for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
                const char *at = lists[i];
                struct mailbox mailbox;
                while (at && mailbox_take(&at, &mailbox))
                        add_domain(delivery, wait, mailbox.address);
        }
        return wait->count > 0 ? wait : NULL;
}

void domains_wait(struct delivery *delivery, struct outlet *outlet, uint8_t position)
{
        struct domain_wait *wait = domain_wait_of(delivery, outlet);
        if (!wait) {
                route_wait(delivery, outlet, position);
                return;
        }
        wait->position = position;
        delivery->domains = wait;
        if (delivery->engine->domains->count > DOMAINS_KEPT)
                forget(delivery->engine->domains, false, clock_boot_ms());
        inflight_list(delivery, LIST_DOMAINS);
}

/* ---- what Redis answers ---- */

/* The longest tier that is over when its turn may come; the first, if none is. */
static int64_t tier_before(const struct config_queue *queue, int64_t wait_ms)
{
        int64_t tier_ms = queue->tiers_ms[0];
        for (size_t i = 0; i < queue->tier_count; i++)
                if (queue->tiers_ms[i] <= wait_ms)
                        tier_ms = queue->tiers_ms[i];
        return tier_ms;
}

static void put_off(struct delivery *delivery, int64_t wait_ms)
{
        const struct domain_wait *wait = delivery->domains;
        wait->outlet->put_off++;
        snprintf(delivery->error, sizeof(delivery->error), "put off: rate_domain of %.100s at %s",
                 wait->names[wait->next], wait->outlet->config->name);
        delivery_event(delivery, &(struct job_event){.kind = EVENT_DEFER,
                                                     .retry_after_ms = tier_before(
                                                             delivery_config_queue(delivery), wait_ms)});
}

static bool asked_for(const struct delivery *delivery, const struct domain *domain)
{
        const struct domain_wait *wait = delivery->domains;
        return wait->asked && find(delivery->engine, wait->outlet, wait->names[wait->next]) == domain;
}

/* The one of the heaviest queue that came first. */
static struct delivery *heaviest(const struct domain *domain)
{
        struct delivery *delivery, *best = NULL;
        TAILQ_FOREACH(delivery, &domain->engine->gate.for_domain, listed)
        {
                if (asked_for(delivery, domain) &&
                    (!best || delivery_config_queue(delivery)->weight > delivery_config_queue(best)->weight))
                        best = delivery;
        }
        return best;
}

static void give_place(struct delivery *delivery, int64_t due_ms)
{
        struct domain_wait *wait = delivery->domains;
        wait->asked = false;
        wait->next++;
        if (due_ms > wait->due_ms)
                wait->due_ms = due_ms;
}

static void on_domain(void *context, bool lost, const struct slice *values, size_t count)
{
        struct domain *domain = context;
        struct share_answer answer;
        struct delivery *delivery;
        int64_t now_ms = clock_boot_ms();
        domain->asking = false;
        wake_soon(domain->engine);
        if (lost || count != 1 || !share_answer_parse(values[0].data, values[0].len, &answer)) {
                TAILQ_FOREACH(delivery, &domain->engine->gate.for_domain, listed)
                {
                        if (asked_for(delivery, domain))
                                delivery->domains->asked = false;
                }
                return;
        }
        domain->second = answer.second;
        domain->ahead_until_ms = (double)now_ms + (double)answer.ahead_us / 1000;
        for (uint32_t given = 0; (delivery = heaviest(domain)); given++) {
                double step_ms = 1000 / (delivery->domains->rates[delivery->domains->next] * SHARE_PACE);
                if (given < answer.count)
                        give_place(delivery,
                                   now_ms + (int64_t)((double)answer.from_us / 1000 + given * step_ms));
                else
                        put_off(delivery,
                                answer.again_us / 1000 + (int64_t)((given - answer.count) * step_ms));
        }
}

/* ---- once a turn ---- */

static void count_wanted(struct delivery *delivery)
{
        struct domain_wait *wait = delivery->domains;
        struct domain *domain = find(delivery->engine, wait->outlet, wait->names[wait->next]);
        uint32_t weight = (uint32_t)delivery_config_queue(delivery)->weight;
        if (domain->asking)
                return;
        wait->asked = true;
        domain->wanted++;
        domain->back += delivery->job.generation.deferrals > 0 && wait->next == 0;
        if (weight > domain->weight)
                domain->weight = weight;
}

static void domain_ask(struct domain *domain, double rate, int64_t now_ms)
{
        double ahead_ms = domain->ahead_until_ms - (double)now_ms;
        struct share_question question = {.step_us = (int64_t)(1e6 / (rate * SHARE_PACE)),
                                          .count = domain->wanted,
                                          .weight = domain->weight,
                                          .ahead_us = ahead_ms > 0 ? (int64_t)(ahead_ms * 1000) : 0,
                                          .second = domain->second,
                                          .near_us = NEAR_US,
                                          .far_us = FAR_US,
                                          .put_off = true,
                                          .back = domain->back};
        domain->wanted = domain->back = domain->weight = 0;
        domain->asking = true;
        redis_store_rate(domain->engine->store,
                         (struct store_rate){.name = slice_of(domain->name), .domain = true}, &question,
                         on_domain, domain);
}

void domains_turn(struct engine *engine, int64_t now_ms)
{
        struct delivery *delivery, *next;
        bool up = redis_store_is_up(engine->store);
        for (delivery = TAILQ_FIRST(&engine->gate.for_domain); delivery; delivery = next) {
                struct domain_wait *wait = delivery->domains;
                next = TAILQ_NEXT(delivery, listed);
                if (wait->next < wait->count && !wait->asked && up) {
                        count_wanted(delivery);
                } else if (wait->next == wait->count && wait->due_ms <= now_ms) {
                        inflight_list(delivery, LIST_NONE);
                        route_wait(delivery, wait->outlet, wait->position);
                }
        }
        TAILQ_FOREACH(delivery, &engine->gate.for_domain, listed)
        {
                const struct domain_wait *wait = delivery->domains;
                if (wait->next == wait->count || !wait->asked)
                        continue;
                struct domain *domain = find(engine, wait->outlet, wait->names[wait->next]);
                if (!domain->asking && domain->wanted > 0)
                        domain_ask(domain, wait->rates[wait->next], now_ms);
        }
}

int64_t domains_due_ms(const struct engine *engine, int64_t now_ms)
{
        const struct delivery *delivery;
        int64_t due_ms = -1;
        TAILQ_FOREACH(delivery, &engine->gate.for_domain, listed)
        {
                const struct domain_wait *wait = delivery->domains;
                if (wait->next < wait->count)
                        continue;
                int64_t wait_ms = wait->due_ms > now_ms ? wait->due_ms - now_ms : 1;
                due_ms = due_ms < 0 || wait_ms < due_ms ? wait_ms : due_ms;
        }
        return due_ms;
}
