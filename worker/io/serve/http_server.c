#include "io/serve/http_request.h"

#include "core/memory/memory.h"
#include "io/admin/listen_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_BYTES_MAX = 32768, SILENCE_S = 10, PEM_BYTES_MAX = 1 << 20 };

static struct MHD_Response *response_of(struct http_answer *answer)
{
        if (answer->lasting.data)
                return MHD_create_response_from_buffer(
                        answer->lasting.len, (void *)(uintptr_t)answer->lasting.data, MHD_RESPMEM_PERSISTENT);
        struct MHD_Response *response =
                MHD_create_response_from_buffer(answer->body.len, answer->body.data, MHD_RESPMEM_MUST_FREE);
        if (!response)
                buffer_fini(&answer->body);
        answer->body = (struct buffer){0}; /* the response owns the bytes now */
        return response;
}

/* The response may be NULL: there is no memory for it. */
static enum MHD_Result http_respond(struct MHD_Connection *connection, struct MHD_Response *response,
                                    const struct http_answer *answer)
{
        if (!response)
                return MHD_NO;
        if (answer->content_type)
                MHD_add_response_header(response, "Content-Type", answer->content_type);
        MHD_add_response_header(response, "Cache-Control", answer->may_be_kept ? "no-cache" : "no-store");
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        for (size_t i = 0; i < HTTP_HEADERS_MAX && answer->headers[i].name; i++)
                MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
        enum MHD_Result result = MHD_queue_response(connection, (unsigned)answer->status, response);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result refuse_large(const struct http_server *server, struct MHD_Connection *connection)
{
        struct http_answer answer = {.status = MHD_HTTP_CONTENT_TOO_LARGE};
        char detail[64];
        snprintf(detail, sizeof(detail), "expected a body of at most %zu bytes", server->options.body_max);
        server->options.refuse(server->options.context, answer.status, detail, &answer);
        http_answer_header(&answer, "Connection", "close");
        return http_respond(connection, response_of(&answer), &answer);
}

static bool is_told_too_large(const struct http_server *server, struct MHD_Connection *connection)
{
        const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
        return length && strtoull(length, NULL, 10) > server->options.body_max;
}

static enum MHD_Result http_finish(struct http_server *server, struct http_request *request)
{
        struct http_answer answer = {.status = MHD_HTTP_OK};
        atomic_fetch_add(&server->answering, 1);
        server->options.answer(server->options.context, request, &answer);
        if (request->waiting)
                return MHD_YES; /* it is answering until its answer has come */
        struct MHD_Response *response =
                request->stream ? http_stream_response(request) : response_of(&answer);
        enum MHD_Result result = http_respond(request->connection, response, &answer);
        atomic_fetch_sub(&server->answering, 1);
        return result;
}

static enum MHD_Result finish_later(struct http_server *server, struct http_request *request)
{
        struct http_answer *answer = http_waiting_take(request);
        if (!answer)
                return MHD_YES;
        admin_connections_renew(server->connections, http_request_place(request));
        enum MHD_Result result = http_respond(request->connection, response_of(answer), answer);
        free(answer);
        atomic_fetch_sub(&server->answering, 1);
        return result;
}

/* Called when the head is complete, then for each piece of the body, then once without one. */
static enum MHD_Result http_handle(void *context, struct MHD_Connection *connection, const char *path,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **place)
{
        (void)version;
        struct http_server *server = context;
        struct http_request *request = *place;
        if (!request) {
                if (is_told_too_large(server, connection))
                        return refuse_large(server, connection);
                *place = request = memory_zeroed(1, sizeof(*request));
                request->connection = connection;
                request->server = server;
                admin_connections_renew(server->connections, http_request_place(request));
                return MHD_YES;
        }
        if (request->waiting)
                return finish_later(server, request);
        request->method = method;
        request->path = path;
        if (*upload_len > 0) {
                request->too_large |= request->body.len + *upload_len > server->options.body_max;
                if (!request->too_large)
                        buffer_add(&request->body, upload, *upload_len);
                *upload_len = 0;
                return MHD_YES;
        }
        return request->too_large ? refuse_large(server, connection) : http_finish(server, request);
}

static void http_on_completed(void *context, struct MHD_Connection *connection, void **place,
                              enum MHD_RequestTerminationCode code)
{
        (void)context;
        (void)connection;
        (void)code;
        struct http_request *request = *place;
        if (!request)
                return;
        struct http_answer *answer = request->waiting ? http_waiting_take(request) : NULL;
        if (answer) { /* the connection was cut before it could be told */
                buffer_fini(&answer->body);
                free(answer);
                atomic_fetch_sub(&request->server->answering, 1);
        }
        buffer_fini(&request->body);
        free(request);
        *place = NULL;
}

static void http_on_connection(void *context, struct MHD_Connection *connection, void **slot,
                               enum MHD_ConnectionNotificationCode code)
{
        struct http_server *server = context;
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                *slot = admin_connections_add(
                        server->connections,
                        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
        else if (code == MHD_CONNECTION_NOTIFY_CLOSED) /* before the descriptor is closed */
                admin_connections_remove(server->connections, *slot);
}

/* All is taken as it came, so that %2F in an id is no slash. */
static size_t http_leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
        (void)context;
        (void)connection;
        return strlen(text);
}

static char *read_pem(const char *path, const char *setting, char *error)
{
        char *text = memory_zeroed(1, PEM_BYTES_MAX);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd < 0 ? -1 : read(fd, text, PEM_BYTES_MAX - 1);
        if (len <= 0) {
                snprintf(error, HTTP_SERVER_ERROR_MAX, "%s: %.100s: %s", setting, path,
                         len < 0 ? strerror(errno) : "is empty");
                free(text);
                text = NULL;
        }
        if (fd >= 0)
                close(fd);
        return text;
}

/* The threads inherit the mask: signals are the loop's. */
static struct MHD_Daemon *http_start_daemon(struct http_server *server, int fd)
{
        sigset_t all, before;
        bool tls = server->cert != NULL;
        unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
        if (tls)
                flags |= MHD_USE_TLS;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        struct MHD_Daemon *daemon = MHD_start_daemon(
                flags, 0, NULL, NULL, http_handle, server, MHD_OPTION_LISTEN_SOCKET, fd,
                MHD_OPTION_THREAD_POOL_SIZE, (unsigned)HTTP_THREADS, MHD_OPTION_CONNECTION_LIMIT,
                (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES_MAX,
                MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S, MHD_OPTION_NOTIFY_CONNECTION,
                http_on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, server,
                MHD_OPTION_UNESCAPE_CALLBACK, http_leave_escaped, NULL,
                tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, server->cert, MHD_OPTION_HTTPS_MEM_KEY,
                server->key, MHD_OPTION_END);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return daemon;
}

static void server_free(struct http_server *server)
{
        free(server->cert);
        free(server->key);
        free(server);
}

static bool read_tls(struct http_server *server, char *error)
{
        const struct http_server_options *options = &server->options;
        if (!options->cert_file)
                return true;
        server->cert = read_pem(options->cert_file, "serve.tls.cert_file", error);
        server->key = server->cert ? read_pem(options->key_file, "serve.tls.key_file", error) : NULL;
        return server->key != NULL;
}

struct http_server *http_server_open(uv_loop_t *loop, const struct http_server_options *options, char *error)
{
        struct listen_socket at;
        char cause[LISTEN_ERROR_MAX];
        struct http_server *server = memory_zeroed(1, sizeof(*server));
        server->options = *options;
        server->loop = loop;
        bool ok = read_tls(server, error);
        if (ok && !(ok = listen_socket_open(&at, options->listen, cause)))
                snprintf(error, HTTP_SERVER_ERROR_MAX, "serve.listen: %.180s", cause);
        if (!ok) {
                server_free(server);
                return NULL;
        }
        server->port = at.port;
        server->connections = admin_connections_open(loop, HTTP_CONNECTIONS_MAX, HTTP_CONNECTION_LIFE_MS);
        server->daemon = http_start_daemon(server, at.fd);
        if (server->daemon)
                return server;
        snprintf(error, HTTP_SERVER_ERROR_MAX, "serve.listen: the server on %.100s does not start%s",
                 options->listen, server->cert ? "; are certificate and key a pair?" : "");
        admin_connections_close(server->connections);
        close(at.fd);
        server_free(server);
        return NULL;
}

uint16_t http_server_port(const struct http_server *server)
{
        return server->port;
}

void http_server_drain(struct http_server *server)
{
        enum { LOOK_EVERY_US = 5000 };
        MHD_socket listener = MHD_quiesce_daemon(server->daemon);
        if (listener != MHD_INVALID_SOCKET)
                close(listener);
        while (atomic_load(&server->answering) > 0) {
                uv_run(server->loop, UV_RUN_NOWAIT);
                usleep(LOOK_EVERY_US);
        }
}

void http_server_close(struct http_server *server)
{
        MHD_stop_daemon(server->daemon); /* joins the threads */
        admin_connections_close(server->connections);
        server_free(server);
}
