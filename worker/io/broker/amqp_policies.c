#include "io/broker/amqp_policies.h"
#include "core/text/percent.h"
#include "io/admin/http_get.h"

#include <stdio.h>
#include <string.h>

/* What is asked and by whom. */
struct inquiry {
        struct arena arena;
        struct amqp_settings settings;
        struct http_get_request request;
        const char *base; /* "http://host:15672/", no user in it */
        policies_report *report;
        void *context;
};

static bool inquiry_fail(struct amqp_error *error, const char *text)
{
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_RETRY};
        snprintf(error->text, sizeof(error->text), "amqp.management_url: %s", text);
        return false;
}

/* The virtual host "/" is %2F. */
static const char *encoded(struct arena *arena, const char *text)
{
        struct buffer out = {0};
        percent_add(&out, text);
        const char *copy = arena_copy(arena, out.len ? out.data : "", out.len);
        buffer_fini(&out);
        return copy;
}

static bool inquiry_begin(struct inquiry *inquiry, const struct config *config, struct amqp_error *error)
{
        struct url url;
        struct arena *arena = &inquiry->arena;
        if (!amqp_settings_parse(arena, config, &inquiry->settings, error))
                return false;
        if (!url_parse(arena, config->amqp.management_url, &url))
                return inquiry_fail(error, "it is not a URL");
        const char *port = url.port ? arena_printf(arena, ":%d", url.port) : "";
        size_t len = strlen(url.path);
        inquiry->base = arena_printf(arena, "%s://%s%s/%s%s", url.scheme, url_host(arena, url.host), port,
                                     url.path, len > 0 && url.path[len - 1] != '/' ? "/" : "");
        inquiry->request = (struct http_get_request){.shown = inquiry->base,
                                                     .user = inquiry->settings.user,
                                                     .password = inquiry->settings.password,
                                                     .ca_file = inquiry->settings.ca_file};
        if (url.user && url.user[0]) {
                inquiry->request.user = url.user;
                inquiry->request.password = url.password;
        }
        return true;
}

static void amqp_policies_answer_judge(struct inquiry *inquiry, const struct topology_queue *queue,
                                       const json_t *answer)
{
        struct policy_finding findings[POLICY_FINDINGS_MAX];
        size_t count = policy_look(&inquiry->arena, queue, answer, findings);
        for (size_t i = 0; i < count; i++)
                inquiry->report(inquiry->context, queue->name, &findings[i]);
}

/* A queue that does not exist has no policy; the API says so in JSON, another server in other words. */
static bool status_judge(struct inquiry *inquiry, const struct topology_queue *queue, int status,
                         const json_t *answer, struct amqp_error *error)
{
        if (status == 200 && json_text(json_object_get(answer, "name")).len > 0) {
                amqp_policies_answer_judge(inquiry, queue, answer);
                return true;
        }
        if (status == 404 && json_text(json_object_get(answer, "error")).len > 0)
                return true;
        const char *cause = status == 401 || status == 403
                                    ? "the user is refused; it needs the tag management and the virtual host"
                                    : "this is not RabbitMQ's management API";
        return inquiry_fail(
                error, arena_printf(&inquiry->arena, "%.120s: status %d: %s", inquiry->base, status, cause));
}

static bool queue_ask(struct inquiry *inquiry, const struct topology_queue *queue, struct amqp_error *error)
{
        struct arena *arena = &inquiry->arena;
        struct buffer body = {0};
        char cause[HTTP_GET_ERROR_MAX], json_cause[JSON_CAUSE_MAX];
        int status = 0;
        inquiry->request.url = arena_printf(
                arena, "%sapi/queues/%s/%s?columns=name,policy,operator_policy,effective_policy_definition",
                inquiry->base, encoded(arena, inquiry->settings.vhost), encoded(arena, queue->name));
        bool ok = http_get_url(&inquiry->request, &body, &status, cause);
        if (ok) {
                json_t *answer = json_parse((struct slice){.data = body.data, .len = body.len}, json_cause);
                ok = status_judge(inquiry, queue, status, answer, error);
                json_decref(answer);
        } else {
                inquiry_fail(error, cause);
        }
        buffer_fini(&body);
        return ok;
}

bool amqp_policies_look(const struct config *config, policies_report *report, void *context,
                        struct amqp_error *error)
{
        struct inquiry inquiry = {.report = report, .context = context};
        *error = (struct amqp_error){0};
        arena_init(&inquiry.arena);
        bool ok = inquiry_begin(&inquiry, config, error);
        const struct topology *parts[] = {topology_build(&inquiry.arena, config),
                                          topology_build_later(&inquiry.arena, config)};
        for (size_t part = 0; part < 2; part++)
                for (size_t i = 0; ok && i < parts[part]->queue_count; i++)
                        ok = queue_ask(&inquiry, &parts[part]->queues[i], error);
        arena_fini(&inquiry.arena);
        return ok;
}
