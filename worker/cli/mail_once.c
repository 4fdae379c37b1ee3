#include "cli/mail_once.h"
#include "core/send/mail_look.h"
#include "io/machine/url.h"
#include "io/send/transport.h"

const char *mail_place(struct arena *arena, const struct config *config)
{
        struct url url;
        const char *text = NULL;
        if (config->mail.transport == TRANSPORT_HTTP)
                text = config->mail.http.url;
        else if (config->mail.transport == TRANSPORT_SMTP)
                text = config->mail.smtp.url;
        if (!text || !url_parse(arena, text, &url))
                return "";
        return url.port ? arena_printf(arena, "%s://%s:%u", url.scheme, url_host(arena, url.host), url.port)
                        : arena_printf(arena, "%s://%s", url.scheme, url_host(arena, url.host));
}

struct ended {
        bool done;
        struct send_result *result;
};

static void on_done(void *context, const struct send_result *result)
{
        struct ended *ended = context;
        *ended->result = *result;
        ended->done = true;
}

static void mail_once_begin(struct transport *transport, const struct mail_request *request,
                            struct ended *ended)
{
        if (request)
                transport_send(transport, request, (struct send_terms){.valid_until_ms = INT64_MAX}, on_done,
                               ended);
        else
                transport_probe(transport, on_done, ended);
}

bool mail_once(const struct config *config, const struct mail_request *request, struct send_result *result,
               char *error)
{
        uv_loop_t loop;
        uv_loop_init(&loop);
        struct transport *transport = transport_open(&loop, &config->mail, error);
        if (transport) {
                struct ended ended = {.result = result};
                mail_once_begin(transport, request, &ended);
                while (!ended.done)
                        uv_run(&loop, UV_RUN_ONCE);
                transport_close(transport);
                uv_run(&loop, UV_RUN_DEFAULT);
        }
        uv_loop_close(&loop);
        return transport;
}

struct looked {
        bool done;
        struct look_result *result;
};

static void on_looked_once(void *context, const struct look_result *result)
{
        struct looked *looked = context;
        *looked->result = *result;
        looked->done = true;
}

bool mail_once_look(const struct config_outlet *outlet, struct look_result *result, char *error)
{
        uv_loop_t loop;
        struct arena arena;
        arena_init(&arena);
        uv_loop_init(&loop);
        struct transport *transport = transport_open(&loop, outlet, error);
        if (transport) {
                struct mail_request request = mail_look_trial(&arena, outlet);
                struct looked looked = {.result = result};
                transport_look(transport, &request, on_looked_once, &looked);
                while (!looked.done)
                        uv_run(&loop, UV_RUN_ONCE);
                transport_close(transport);
                uv_run(&loop, UV_RUN_DEFAULT);
        }
        uv_loop_close(&loop);
        arena_fini(&arena);
        return transport;
}
