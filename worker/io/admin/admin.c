#include "io/admin/admin.h"

#include "core/memory/memory.h"
#include "io/admin/admin_connections.h"
#include "io/admin/listen_socket.h"
#include "io/admin/loop_ask.h"

#include <assert.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_BYTES_MAX = 16384, SILENCE_S = 5 };

struct admin {
        const struct config *config;
        const struct admin_source *source;
        struct loop_ask *ask;
        struct admin_connections *connections;
        struct MHD_Daemon *daemon;
        uint16_t port;
};

/* What goes to the loop and comes back. `body` changes hands with it. */
struct question {
        enum admin_page page;
        bool verbose;
        struct buffer body;
        int status;
};

static void admin_answer(void *context, void *question)
{
        struct admin *admin = context;
        struct question *asked = question;
        admin->source->render(admin->source->context, asked->page, asked->verbose, &asked->body,
                              &asked->status);
}

static void admin_drop(void *context, void *question)
{
        (void)context;
        struct question *asked = question;
        buffer_fini(&asked->body);
}

static const struct loop_ask_events ask_events = {.answer = admin_answer, .drop = admin_drop};

static enum MHD_Result admin_respond(struct MHD_Connection *connection, int status, const char *content_type,
                                     struct buffer *body, struct admin_header extra)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                buffer_fini(body);
                return MHD_NO;
        }
        *body = (struct buffer){0}; /* the response owns the bytes now */
        MHD_add_response_header(response, "Content-Type", content_type);
        MHD_add_response_header(response, "Cache-Control", "no-store");
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        /* One request a connection: none of the few places is held by an idle client. */
        MHD_add_response_header(response, "Connection", "close");
        if (extra.name)
                MHD_add_response_header(response, extra.name, extra.value);
        enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result admin_refuse(struct MHD_Connection *connection, int status, const char *text,
                                    struct admin_header extra)
{
        struct buffer body = {0};
        buffer_printf(&body, "%s\n", text);
        return admin_respond(connection, status, "text/plain; charset=utf-8", &body, extra);
}

static enum MHD_Result respond_stuck(const struct admin *admin, struct MHD_Connection *connection)
{
        char text[96];
        snprintf(text, sizeof text, "the loop does not turn (last turn %" PRId64 " s ago)",
                 loop_ask_since_turn_ms(admin->ask) / 1000);
        return admin_refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, text, (struct admin_header){0});
}

static enum MHD_Result respond_page(struct admin *admin, struct MHD_Connection *connection,
                                    enum admin_page page)
{
        struct question asked = {.page = page, .status = MHD_HTTP_OK};
        asked.verbose = MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "verbose",
                                                      strlen("verbose"), NULL, NULL) == MHD_YES;
        switch (loop_ask(admin->ask, &asked, ADMIN_LIMIT_MS)) {
        case LOOP_ANSWERED:
                return admin_respond(connection, asked.status, admin_page_content_type(page), &asked.body,
                                     (struct admin_header){0});
        case LOOP_SILENT:
                return respond_stuck(admin, connection);
        case LOOP_CLOSED:
                return admin_refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "shutting down",
                                    (struct admin_header){0});
        }
        abort();
}

/* Called when the head of a request is complete; the answer is given at once, a body is never read. */
static enum MHD_Result admin_handle(void *context, struct MHD_Connection *connection, const char *path,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **request)
{
        (void)version;
        (void)upload;
        (void)upload_len;
        (void)request;
        struct admin *admin = context;
        struct admin_request asked = {.method = method, .path = path};
        asked.authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
        struct admin_route route = admin_route_of(&asked, admin->config->admin.token);
        if (route.page == ADMIN_PAGE_COUNT)
                return admin_refuse(connection, route.status, route.text, route.header);
        return respond_page(admin, connection, route.page);
}

static void admin_on_connection(void *context, struct MHD_Connection *connection, void **slot,
                                enum MHD_ConnectionNotificationCode code)
{
        struct admin *admin = context;
        switch (code) {
        case MHD_CONNECTION_NOTIFY_STARTED:
                *slot = admin_connections_add(
                        admin->connections,
                        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
                return;
        case MHD_CONNECTION_NOTIFY_CLOSED: /* before the descriptor is closed */
                admin_connections_remove(admin->connections, *slot);
                return;
        }
}

/* Paths are taken as they came: "/livez%00" is not "/livez". */
static size_t admin_leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
        (void)context;
        (void)connection;
        return strlen(text);
}

/* The thread inherits the mask: signals are the loop's. */
static struct MHD_Daemon *admin_start_daemon(struct admin *admin, int fd)
{
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        struct MHD_Daemon *daemon = MHD_start_daemon(
                MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, admin_handle, admin, MHD_OPTION_LISTEN_SOCKET,
                fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS_MAX,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                (unsigned)SILENCE_S, MHD_OPTION_NOTIFY_CONNECTION, admin_on_connection, admin,
                MHD_OPTION_UNESCAPE_CALLBACK, admin_leave_escaped, NULL, MHD_OPTION_END);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return daemon;
}

static void stop(struct admin *admin)
{
        loop_ask_shut(admin->ask);
        if (admin->daemon)
                MHD_stop_daemon(admin->daemon); /* joins the thread */
        loop_ask_close(admin->ask);
        admin_connections_close(admin->connections);
        free(admin);
}

static struct admin *admin_start(uv_loop_t *loop, const struct config *config,
                                 const struct admin_source *source, const struct listen_socket *at)
{
        struct admin *admin = memory_zeroed(1, sizeof *admin);
        admin->config = config;
        admin->source = source;
        admin->port = at->port;
        admin->ask = loop_ask_open(loop, sizeof(struct question), &ask_events, admin);
        admin->connections = admin_connections_open(loop, ADMIN_CONNECTIONS_MAX, ADMIN_CONNECTION_LIFE_MS);
        admin->daemon = admin_start_daemon(admin, at->fd);
        if (admin->daemon)
                return admin;
        stop(admin);
        return NULL;
}

struct admin *admin_open(uv_loop_t *loop, const struct config *config, const struct admin_source *source,
                         char *error)
{
        error[0] = '\0';
        const char *listen = config->admin.listen;
        if (!listen || strcmp(listen, "off") == 0)
                return NULL;
        struct listen_socket at;
        char cause[LISTEN_ERROR_MAX];
        if (!listen_socket_open(&at, listen, cause)) {
                snprintf(error, ADMIN_ERROR_MAX, "admin.listen: %.180s; set it to another port, or off",
                         cause);
                return NULL;
        }
        if (!at.loopback && !config->admin.token) {
                snprintf(error, ADMIN_ERROR_MAX,
                         "admin.listen: %.100s is not loopback, so admin.token must be set", listen);
                close(at.fd);
                return NULL;
        }
        struct admin *admin = admin_start(loop, config, source, &at); /* the daemon owns the descriptor */
        if (!admin)
                snprintf(error, ADMIN_ERROR_MAX, "admin.listen: the server on %.100s does not start", listen);
        return admin;
}

uint16_t admin_port(const struct admin *admin)
{
        return admin->port;
}

void admin_close(struct admin *admin)
{
        if (admin)
                stop(admin);
}
