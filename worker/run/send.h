#ifndef LEVERET_RUN_SEND_H
#define LEVERET_RUN_SEND_H

#include "core/message/child.h"
#include "run/state.h"

/* run/send: how an effect finds its outlet and leaves by it, and what its record keeps of that. */

/* ---- lanes.c: a post outlet's ways, one for each origin ---- */
/* The lane of that outlet to that origin, opened if need be. */
struct outlet *lane_get(struct engine *engine, struct outlet *outlet, const char *origin, bool allow_private);
/* Closes lanes that nobody uses, if there are many. Not from inside an end of a send. */
void lanes_trim(struct engine *engine);
void lanes_close(struct engine *engine);
void lanes_forget(struct engine *engine); /* when no callback comes any more */
/* The outlet and its lanes together. */
struct outlet_sum {
        const struct breaker *breaker; /* the worst of them; valid until the next turn */
        uint64_t openings;             /* of all */
        size_t used, waiting, origins;
};
struct outlet_sum outlet_sum(const struct engine *engine, size_t outlet);

/* ---- kept.c: what the claim found in the record of earlier tries, and of the plan ---- */
void tries_keep(struct delivery *delivery, const struct store_result *result);
/* The value of the field `<kind>.<key>`; absent if there is none. */
struct slice tries_field(const struct delivery *delivery, const char *kind, const char *key);
/* The name of the outlet where the effect was tried last; "" if none is recorded. */
const char *tries_outlet(const struct delivery *delivery, size_t effect);
/* The digest of the plan that is recorded; absent: none is. */
struct slice tries_plan(const struct delivery *delivery);
/* Planners that died of it in this life of the job. */
uint32_t tries_plan_deaths(const struct delivery *delivery, const struct store_result *claim);
bool tries_any(const struct delivery *delivery); /* does the record tell of any? */

/* ---- route.c: which outlet an effect leaves by ---- */
struct outlet *route_find(struct engine *engine, const char *name);
/* May all effects of the plan leave by some outlet? False with the cause in delivery->error. */
bool route_allows(struct delivery *delivery);
/* An effect's outlets by position: its first choice, then what that falls back to. NULL: there is none at
 * this position. */
struct outlet *route_at(const struct delivery *delivery, size_t effect, uint8_t position);
/* The position of the outlet that the record names. One that is none of the effect's any more has one of its
 * own. */
enum { ROUTE_RECORDED = UINT8_MAX };
uint8_t route_position(const struct delivery *delivery, size_t effect);
/* Chooses for the present effect, among those that its tries allow. NULL: none of them is configured. */
struct outlet *route_choose(const struct delivery *delivery, uint8_t *position);
/* The present effect waits for a place at that outlet, which is the one at `position`. */
void route_wait(struct delivery *delivery, struct outlet *outlet, uint8_t position);
/* Could a later outlet take the present effect now? */
bool route_has_later(const struct delivery *delivery);
/* How many refusals the present effect takes from its outlet before another has its turn; 0: there is no
 * other. */
uint8_t route_fallback_after(const struct delivery *delivery);
/* on_ambiguous of the effect with this index: of its type, else of the outlet where it belongs. */
enum on_ambiguous route_on_ambiguous(const struct delivery *delivery, size_t effect);
/* The outlet that the effect leaves by while all is well; NULL: it names one that there is not. */
const struct config_outlet *route_home(const struct delivery *delivery, size_t effect);
/* The kinds of effects in a plan, bit by bit of enum outlet_kind. */
uint32_t route_kinds(const struct plan *plan);
/* Such effects came from the queue. */
void route_seen(struct engine *engine, size_t queue, uint32_t kinds);
/* When the outlets stand, and after a reload: what each queue can need. */
void route_configure(struct engine *engine);
/* Does a fallback that is well take what this outlet would? */
bool route_is_covered(struct engine *engine, size_t outlet);
/* The longest that a send can take by any outlet. */
int64_t route_send_limit_ms(const struct engine *engine);

/* ---- tries.c: what the record keeps of each effect's tries ---- */
/* What is known of them when the plan is made. NULL: nothing of any. */
const struct job_try *tries_of_plan(const struct delivery *delivery);
/* What the next decision has to record: name, value, ... in the arena. */
struct slice *tries_news(const struct delivery *delivery, size_t *count);
/* Records what is about to be done with the effect: its intent, if it parks, and by which outlet it goes from
 * now on. */
void tries_intend(struct delivery *delivery, int effect);

/* ---- requests.c: what is sent of an effect, the same on every try; in the arena ---- */
/* The mail with this index as it leaves by delivery->outlet. */
struct mail_request request_mail(struct delivery *delivery, size_t index);
struct post_request request_post(struct delivery *delivery, const struct effect *effect);
/* What a message that the job publishes takes over from it. */
struct child_parent request_parent(const struct delivery *delivery);
/* What holds for the job's mails, as recorded or as configured. */
struct config_guard request_guard(const struct delivery *delivery);
const char *request_sender(const struct delivery *delivery, const struct config_outlet *outlet);

/* ---- looks.c: asking the service whether it has a mail ---- */
void looks_open(struct engine *engine); /* tries one look-up at each outlet where there may be some */
/* Must a mail by delivery->outlet be handed over once, and not again by the HTTP library, as the service is
 * asked and knows no repetition? */
bool looks_instead_of_repeating(const struct delivery *delivery);
/* Add to EVENT_SENT, EVENT_PLACE whether and how the present effect can be looked up at delivery->outlet. */
void looks_promise(const struct delivery *delivery, struct job_event *event);
void looks_offer(const struct delivery *delivery, struct job_event *event);
/* Asks for the effect with this index at delivery->outlet; answers EVENT_LOOKED. */
void look_effect(struct delivery *delivery, int index);

/* ---- sends.c: how each kind of effect leaves, and what is made of how that ended ---- */
/* Sends the effect with this index by delivery->outlet; answers EVENT_SENT. */
void send_effect(struct delivery *delivery, int index);

/* ---- places.c: the files of a mail are fetched, then it waits for a place ---- */
void files_open(struct engine *engine);
void files_close(struct engine *engine);
/* The present effect gets its files, then a place at its outlet; as delivery_perform. */
bool place_want(struct delivery *delivery, struct job_event *answer);
/* Did that fail? Then with the end of the send that did not begin. */
bool files_failed(struct delivery *delivery, struct job_event *answer);
void files_free(struct delivery *delivery);

#endif
