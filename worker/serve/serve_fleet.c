#include "core/text/json_member.h"
#include "core/text/word.h"
#include "query/audit.h"
#include "query/fleet.h"
#include "query/pause.h"
#include "query/schedules.h"
#include "serve/serve.h"

#include <inttypes.h>
#include <string.h>

/* Less than 0 is not known: null. */
static const char end_of_list[] = "],\"next\":null}";

static const char *fleet_state(const struct fleet_queue *queue, bool asked)
{
        if (queue->paused)
                return "paused";
        if (!asked)
                return "unknown";
        return queue->exists ? "open" : "missing";
}

static void fleet_add_queue(struct buffer *out, const struct fleet_queue *queue, bool asked)
{
        buffer_add_char(out, '{');
        json_member_text(out, "queue", queue->name);
        json_member_text(out, "state", fleet_state(queue, asked));
        json_member_bool(out, "paused", queue->paused);
        json_member_count(out, "ready", queue->ready);
        json_member_count(out, "oldest_ms", queue->oldest_ms);
        json_member_count(out, "in_flight", queue->in_flight);
        json_member_count(out, "consumers", queue->consumers);
        json_member_count(out, "dead", queue->dead);
        json_member_count(out, "oldest_dead_ms", queue->oldest_dead_ms > 0 ? queue->oldest_dead_ms : -1);
        json_member_count(out, "later", queue->later);
        json_member_count(out, "later_until_ms", queue->later > 0 ? queue->last_due_ms : -1);
        buffer_add_text(out, ",\"retry\":{");
        for (size_t i = 0; i < queue->tier_count; i++)
                buffer_printf(out, "%s\"%s\":%" PRId64, i ? "," : "", queue->tiers[i].name,
                              queue->tiers[i].messages);
        buffer_add_text(out, "}}");
}

void serve_queues(const struct serve_call *call)
{
        struct fleet fleet;
        struct buffer *out = &call->answer->body;
        const char *error = fleet_look(call->query, &fleet);
        if (error) {
                serve_refuse_redis(call);
                return;
        }
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; i < fleet.queue_count; i++) {
                buffer_add_text(out, i ? "," : "");
                fleet_add_queue(out, &fleet.queues[i], !fleet.trouble);
        }
        buffer_printf(out, "],\"complete\":%s,\"next\":null}", fleet.trouble ? "false" : "true");
}

static void page_add_worker(struct buffer *out, const struct fleet_worker *worker)
{
        buffer_add_char(out, '{');
        json_member_text(out, "worker", worker->name);
        json_member_text(out, "host", worker->host);
        json_member_text(out, "version", worker->version);
        json_member_text(out, "state", worker->state);
        json_member_text(out, "breaker", worker->breaker);
        json_member_text(out, "queues", worker->queues);
        json_member_count(out, "in_flight", worker->in_flight);
        json_member_count(out, "completed", worker->completed);
        json_member_count(out, "started_ms", worker->started_ms);
        json_member_count(out, "seen_ms", worker->seen_ms);
        buffer_printf(out, ",\"rate\":%.1f}", worker->rate);
}

void serve_workers(const struct serve_call *call)
{
        struct fleet fleet = {0};
        struct buffer *out = &call->answer->body;
        const char *error = fleet_workers(call->query, &fleet);
        if (error) {
                serve_refuse_redis(call);
                return;
        }
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; i < fleet.worker_count; i++) {
                buffer_add_text(out, i ? "," : "");
                page_add_worker(out, &fleet.workers[i]);
        }
        buffer_add_text(out, end_of_list);
}

/* The states of a breaker, the worst last; "": no worker tells. */
static const char *const breaker_words[] = {"", "closed", "half_open", "open"};

/* Of what a worker tells, as "mail closed backup open", the place of the outlet's state in breaker_words. */
static size_t breaker_at(const struct query *query, const struct fleet_worker *worker, const char *outlet)
{
        struct slice told = redis_value_field(worker->told, "outlets");
        char *rest, *state,
                *name = strtok_r(arena_copy(query->arena, told.data ? told.data : "", told.len), " ", &rest);
        for (; name && (state = strtok_r(NULL, " ", &rest)); name = strtok_r(NULL, " ", &rest))
                for (size_t i = 1; i < sizeof(breaker_words) / sizeof(*breaker_words); i++)
                        if (strcmp(name, outlet) == 0 && strcmp(state, breaker_words[i]) == 0)
                                return i;
        return 0;
}

static void add_breaker(struct buffer *out, const struct query *query, const struct fleet *fleet,
                        const char *outlet)
{
        size_t worst = 0;
        for (size_t i = 0; i < fleet->worker_count; i++) {
                size_t at = breaker_at(query, &fleet->workers[i], outlet);
                worst = at > worst ? at : worst;
        }
        if (worst > 0)
                json_member_text(out, "breaker", breaker_words[worst]);
        else
                buffer_add_text(out, ",\"breaker\":null");
}

void serve_outlets(const struct serve_call *call)
{
        static const char *const kinds[] = {[OUTLET_MAIL] = "mail", [OUTLET_POST] = "post"};
        struct buffer *out = &call->answer->body;
        struct fleet fleet = {0};
        const struct config_outlet *outlet;
        if (fleet_workers(call->query, &fleet)) {
                serve_refuse_redis(call);
                return;
        }
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; (outlet = config_outlet_at(call->query->config, i)); i++) {
                buffer_add_text(out, i ? ",{" : "{");
                json_member_text(out, "outlet", outlet->name);
                json_member_text(out, "kind", kinds[outlet->kind]);
                add_breaker(out, call->query, &fleet, outlet->name);
                buffer_add_char(out, '}');
        }
        buffer_add_text(out, end_of_list);
}

void serve_schedules(const struct serve_call *call)
{
        struct query_schedule *schedules;
        struct buffer *out = &call->answer->body;
        if (query_schedules(call->query, &schedules)) {
                serve_refuse_redis(call);
                return;
        }
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; i < call->query->config->schedule_count; i++) {
                buffer_add_text(out, i ? "," : "");
                query_schedule_add(&schedules[i], out);
        }
        buffer_add_text(out, end_of_list);
}

static void fleet_set_paused(const struct serve_call *call, bool paused)
{
        struct pause pause;
        struct buffer *out = &call->answer->body;
        const char *queue = call->words[0];
        if (!query_has_queue(call->query->config, queue)) {
                serve_refuse(call, 404, "no such queue is configured; see /v1/queues");
                return;
        }
        bool audited = audit_write(call->query, call->who->token, paused ? "pause" : "resume", queue);
        if (!audited || query_pause(call->query, queue, paused, &pause)) {
                serve_refuse_redis(call);
                return;
        }
        buffer_add_char(out, '{');
        json_member_text(out, "queue", queue);
        buffer_printf(out, ",\"paused\":%s,\"changed\":%s,\"workers\":%zu,\"late\":%zu}", bool_word(paused),
                      bool_word(pause.changed), pause.workers, pause.late);
}

void serve_pause(const struct serve_call *call)
{
        fleet_set_paused(call, true);
}

void serve_resume(const struct serve_call *call)
{
        fleet_set_paused(call, false);
}

void serve_audit(const struct serve_call *call)
{
        size_t limit;
        struct buffer *out = &call->answer->body;
        if (!serve_read_limit(call, &limit))
                return;
        buffer_add_text(out, "{\"items\":[");
        if (audit_add_items(call->query, limit, out))
                serve_refuse_redis(call);
        else
                buffer_add_text(out, end_of_list);
}
