#ifndef LEVERET_RUN_RATES_H
#define LEVERET_RUN_RATES_H

#include "run/outlet.h"

#include <stdbool.h>
#include <stdint.h>

/* Rates that all workers of a prefix share. */

/* ---- rates/shares.c: of an outlet (rate_shared) ---- */
void shares_turn(struct engine *engine, int64_t now_ms); /* asks for places, once a turn */
/* The outlet's service asked for a pause, which the other workers are to keep too. */
void shares_pause(struct engine *engine, const struct outlet *outlet, int64_t pause_ms);

/* ---- rates/domains.c: of the domains that mails go to (rate_domain) ---- */
struct domains;

/* What a mail waits for: a place of each domain that has a rate, one after the other. In the delivery's
 * arena. */
struct domain_wait {
        const char **names; /* in small letters */
        double *rates;
        size_t count, next;
        bool asked; /* it is among those that are asked for */
        int64_t due_ms;
        struct outlet *outlet;
        uint8_t position;
};

struct domains *domains_open(void);
/* When no callback comes any more. */
void domains_close(struct domains *domains);
/* The present effect waits for a place at that outlet, which is the one at `position`, and before that for
 * the domains of its recipients. */
void domains_wait(struct delivery *delivery, struct outlet *outlet, uint8_t position);
/* Asks for places, and lets those wait at their outlet whose time has come; once a turn. */
void domains_turn(struct engine *engine, int64_t now_ms);
/* How long until the time of one comes; -1: none waits for that. */
int64_t domains_due_ms(const struct engine *engine, int64_t now_ms);

#endif
