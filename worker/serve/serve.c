#include "serve/serve.h"

#include "core/memory/memory.h"
#include "core/serve/openapi.h"
#include "core/serve/problem.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/redis/redis_pool.h"
#include "serve/live/tallies.h"
#include "serve/postings.h"
#include "serve/site.h"
#include "serve/watch.h"
#include "serve/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTEN_TEXT_MAX = 256 };

struct server {
        const struct config *config;
        const struct type_set *types;
        struct redis_pool *pool;
        struct postings *postings; /* while the loop turns */
        struct serve_door *door;
        struct works *works;
        struct waiters *waiters;
        struct streams *streams;
        struct tallies *tallies;
        struct watch *watch; /* while the loop turns */
};

static void serve_live(const struct serve_call *call)
{
        call->answer->content_type = "text/plain; charset=utf-8";
        buffer_add_text(&call->answer->body, "ok\n");
}

static void serve_openapi(const struct serve_call *call)
{
        openapi_render(&call->answer->body, LEVERET_VERSION, call->query->config->serve.base_url);
}

static const struct {
        serve_answer_function *answer;
        bool needs_redis;
} actions[SERVE_ACTIONS] = {
        [SERVE_LIVE] = {serve_live, false},
        [SERVE_OPENAPI] = {serve_openapi, false},
        [SERVE_SESSION_BEGIN] = {serve_session_begin, false},
        [SERVE_SESSION] = {serve_session, false},
        [SERVE_SESSION_END] = {serve_session_end, false},
        [SERVE_MESSAGES] = {serve_messages, true},
        [SERVE_JOB] = {serve_job, true},
        [SERVE_CANCEL] = {serve_cancel, true},
        [SERVE_JOBS] = {serve_jobs, true},
        [SERVE_JOB_MAILS] = {serve_job_mails, true},
        [SERVE_DEAD_MAILS] = {serve_dead_mails, true},
        [SERVE_DEAD_MESSAGE] = {serve_dead_message, true},
        [SERVE_QUEUES] = {serve_queues, true},
        [SERVE_WORKERS] = {serve_workers, true},
        [SERVE_PAUSE] = {serve_pause, true},
        [SERVE_RESUME] = {serve_resume, true},
        [SERVE_DEAD] = {serve_dead, true},
        [SERVE_DEAD_GROUPS] = {serve_dead_groups, true},
        [SERVE_DEAD_LETTER] = {serve_dead_letter, true},
        [SERVE_OVERVIEW] = {serve_overview, true},
        [SERVE_STREAM] = {serve_stream, false},
        [SERVE_REDRIVE] = {serve_redrive, true},
        [SERVE_DROP] = {serve_drop, true},
        [SERVE_EDIT] = {serve_edit, true},
        [SERVE_OPERATION] = {serve_operation, true},
        [SERVE_OPERATION_LIST] = {serve_operations, true},
        [SERVE_STOP] = {serve_stop, true},
        [SERVE_RESTORE] = {serve_restore, true},
        [SERVE_AUDIT] = {serve_audit, true},
        [SERVE_OUTLETS] = {serve_outlets, true},
        [SERVE_SCHEDULES] = {serve_schedules, true},
        [SERVE_TYPES] = {serve_types, false},
        [SERVE_TYPE] = {serve_type, false},
        [SERVE_TYPE_SCHEMA] = {serve_type_schema, false},
        [SERVE_TYPE_PLAN] = {serve_type_plan, false},
};

static bool serve_is_known(void *context, const char *name)
{
        const struct serve_route *route = context;
        for (size_t i = 0; i < SERVE_QUERY_MAX && route->query[i].name; i++)
                if (strcmp(route->query[i].name, name) == 0)
                        return true;
        return false;
}

/* What is wrong with the query, or NULL. */
static const char *query_problem(const struct serve_call *call)
{
        const struct serve_route *route = call->route;
        const char *stray = http_request_stray(call->request, serve_is_known, (void *)(uintptr_t)route);
        if (stray)
                return arena_printf(call->query->arena, "query: %.60s is unknown here, or there twice",
                                    stray);
        for (size_t i = 0; i < SERVE_QUERY_MAX && route->query[i].name; i++) {
                const char *name = route->query[i].name;
                if (http_request_query(call->request, name) && !serve_query(call, name))
                        return arena_printf(call->query->arena, "query: %s: expected text, percent-encoded",
                                            name);
        }
        return NULL;
}

static bool is_failed(const struct http_answer *answer)
{
        return answer->status == 503;
}

static void carry_out(const struct server *server, struct serve_call *call, struct query *query)
{
        char error[256];
        const char *problem = query_problem(call);
        bool needs_redis = actions[call->route->action].needs_redis;
        if (problem) {
                serve_refuse(call, 400, problem);
                return;
        }
        query->redis = needs_redis ? redis_pool_take(server->pool, error) : NULL;
        if (needs_redis && !query->redis) {
                serve_refuse_redis(call);
                return;
        }
        actions[call->route->action].answer(call);
        if (query->redis)
                redis_pool_give(server->pool, query->redis, is_failed(call->answer));
}

static void refuse_unmatched(const struct serve_call *call, const struct serve_match *match)
{
        if (!match->allow) {
                serve_refuse(call, 404, "no such path; see /v1/openapi.json");
                return;
        }
        serve_refuse(call, 405, arena_printf(call->query->arena, "expected %s", match->allow));
        http_answer_header(call->answer, "Allow", match->allow);
}

static struct serve_verdict judge(const struct server *server, struct arena *arena,
                                  const struct serve_route *route, const struct http_request *request)
{
        return serve_judge(arena, server->config, route,
                           &(struct serve_asked){
                                   .method = http_request_method(request),
                                   .host = http_request_header(request, "Host"),
                                   .origin = http_request_header(request, "Origin"),
                                   .content_type = http_request_header(request, "Content-Type"),
                                   .authorization = http_request_header(request, "Authorization"),
                                   .cookie = http_request_header(request, "Cookie"),
                                   .now_ms = clock_wall_ms(),
                           });
}

/* Wrong tokens count as failed log-ins; right ones are let in, however many others were wrong. */
static void refuse_stranger(const struct serve_call *call)
{
        if (http_request_header(call->request, "Authorization")) {
                if (serve_door_is_shut(call))
                        return;
                serve_door_failed(call);
        }
        serve_refuse(call, 401, call->who->detail);
        http_answer_header(call->answer, "WWW-Authenticate", "Bearer");
}

static void answer_route(const struct server *server, struct serve_call *call, struct query *query,
                         struct serve_verdict *who)
{
        *who = judge(server, query->arena, call->route, call->request);
        if (who->status == 401)
                refuse_stranger(call);
        else if (who->status)
                serve_refuse(call, who->status, who->detail);
        else
                carry_out(server, call, query);
}

/* A file of the page, or nothing that there is. */
static void answer_rest(const struct serve_call *call, const struct serve_match *match)
{
        const char *method = http_request_method(call->request);
        bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
        if (!serve_host_is_known(call->query->arena, call->query->config,
                                 http_request_header(call->request, "Host")))
                serve_refuse(call, 421, serve_host_unknown);
        else if (match->allow || !reads || !site_answer(call->request, call->answer))
                refuse_unmatched(call, match);
}

static void serve_answer(void *context, const struct http_request *request, struct http_answer *answer)
{
        const struct server *server = context;
        struct arena arena;
        arena_init(&arena);
        struct query query = {.config = server->config, .arena = &arena, .quick = true};
        struct serve_match match =
                serve_route_match(&arena, http_request_method(request), http_request_path(request));
        struct serve_verdict who = {0};
        struct serve_call call = {.route = match.route,
                                  .types = server->types,
                                  .words = match.words,
                                  .request = request,
                                  .who = &who,
                                  .query = &query,
                                  .postings = server->postings,
                                  .door = server->door,
                                  .works = server->works,
                                  .waiters = server->waiters,
                                  .streams = server->streams,
                                  .tallies = server->tallies,
                                  .answer = answer};
        answer->content_type = "application/json";
        if (match.route)
                answer_route(server, &call, &query, &who);
        else
                answer_rest(&call, &match);
        arena_fini(&arena);
}

static void refuse(void *context, int status, const char *detail, struct http_answer *answer)
{
        (void)context;
        answer->content_type = problem_content_type;
        problem_add(&answer->body, status, detail);
}

static void listening(void *context, uint16_t port)
{
        const struct server *server = context;
        char text[LISTEN_TEXT_MAX];
        snprintf(text, sizeof(text), "%s, port %u", server->config->serve.listen, port);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.event = "serve_listening", .msg = text});
}

static void opened(void *context, uv_loop_t *loop)
{
        struct server *server = context;
        server->postings = postings_open(loop, server->config, server->pool);
        server->watch = watch_open(&(struct watched){.config = server->config,
                                                     .pool = server->pool,
                                                     .works = server->works,
                                                     .waiters = server->waiters,
                                                     .streams = server->streams});
}

static void closing(void *context)
{
        const struct server *server = context;
        postings_shut(server->postings);
        works_shut(server->works);
        watch_hurry(server->watch);
        streams_shut(server->streams);
}

/* What was acknowledged or confirmed by then is, as after a kill; the broker has the rest. */
static void end_at_once(void)
{
        log_event(
                LOG_LEVEL_WARN,
                &(struct log_fields){.event = "serve_ended",
                                     .msg = "an operation waits for a broker that does not answer; it reads "
                                            "stopped, and what it did not reach stays as it is"});
        log_close();
        _exit(0);
}

static void serve_closed(void *context)
{
        const struct server *server = context;
        postings_close(server->postings);
        if (!works_end(server->works))
                end_at_once();
        watch_close(server->watch); /* it tells how far the last of them are */
        works_close(server->works);
}

bool serve_run(const struct config *config, const struct type_set *types, char *error)
{
        struct server server = {.config = config,
                                .types = types,
                                .pool = redis_pool_open(config),
                                .door = serve_door_open(),
                                .works = works_open(config, types),
                                .waiters = waiters_open(),
                                .streams = streams_open(),
                                .tallies = tallies_open()};
        struct http_server_options options = {
                .listen = config->serve.listen,
                .cert_file = config->serve.cert_file,
                .key_file = config->serve.key_file,
                .body_max = (size_t)config->max_body + 65536, /* the payload, and what is said of it */
                .answer = serve_answer,
                .refuse = refuse,
                .opened = opened,
                .closing = closing,
                .closed = serve_closed,
                .context = &server,
        };
        log_open(config);
        bool ok = http_server_run(&options, listening, error);
        log_close();
        redis_pool_close(server.pool);
        serve_door_close(server.door);
        waiters_close(server.waiters);
        streams_close(server.streams);
        tallies_close(server.tallies);
        return ok;
}
