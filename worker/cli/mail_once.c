#include "cli/mail_once.h"
#include "io/machine/url.h"
#include "io/send/mail_transport.h"

const char *mail_place(struct arena *arena, const struct config *config)
{
        struct url url;
        const char *text = config->mail.transport == MAIL_TRANSPORT_HTTP   ? config->mail.http.url
                           : config->mail.transport == MAIL_TRANSPORT_SMTP ? config->mail.smtp.url
                                                                           : NULL;
        if (!text || !url_parse(arena, text, &url))
                return "";
        return url.port ? arena_printf(arena, "%s://%s:%u", url.scheme, url.host, url.port)
                        : arena_printf(arena, "%s://%s", url.scheme, url.host);
}

struct ended {
        bool done;
        struct mail_result *result;
};

static void on_done(void *context, const struct mail_result *result)
{
        struct ended *ended = context;
        *ended->result = *result;
        ended->done = true;
}

static void begin(struct mail_transport *transport, const struct mail_request *request, struct ended *ended)
{
        if (request)
                mail_transport_send(transport, request, /* park = */ false,
                                    (struct mail_fence){.valid_until_ms = INT64_MAX}, on_done, ended);
        else
                mail_transport_probe(transport, on_done, ended);
}

bool mail_once(const struct config *config, const struct mail_request *request, struct mail_result *result,
               char *error)
{
        uv_loop_t loop;
        uv_loop_init(&loop);
        struct mail_transport *transport = mail_transport_open(&loop, config, error);
        if (transport) {
                struct ended ended = {.result = result};
                begin(transport, request, &ended);
                while (!ended.done)
                        uv_run(&loop, UV_RUN_ONCE);
                mail_transport_close(transport);
                uv_run(&loop, UV_RUN_DEFAULT);
        }
        uv_loop_close(&loop);
        return transport;
}
