#include "core/memory/memory.h"
#include "io/amqp/amqp_wire.h"

#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct timeval timeval_of(int64_t ms)
{
        return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static bool socket_ready(struct broker *broker, short events, int wait_ms)
{
        struct pollfd poll_fd = {.fd = amqp_get_sockfd(broker->state), .events = events};
        return poll_fd.fd >= 0 && poll(&poll_fd, 1, wait_ms) == 1;
}

bool amqp_writable(struct broker *broker, int wait_ms)
{
        return socket_ready(broker, POLLOUT, wait_ms);
}

bool amqp_readable(struct broker *broker)
{
        return socket_ready(broker, POLLIN, 0);
}

void amqp_error_status(struct amqp_error *error, const struct amqp_settings *settings, const char *action,
                       int status)
{
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_RETRY};
        snprintf(error->text, sizeof(error->text), "%s: %s: %s", settings->place, action,
                 amqp_error_string2(status));
}

/* The reply codes that waiting does not mend: 403 access refused, 404 not found, 405 locked, 406 precondition
 * failed, 530 not allowed (no such vhost) (AMQP 0-9-1 section 1.2). */
static enum amqp_trouble trouble_of(int code)
{
        bool refused = code == 403 || code == 404 || code == 405 || code == 406 || code == 530;
        return refused ? AMQP_TROUBLE_REFUSED : AMQP_TROUBLE_RETRY;
}

void amqp_error_close(struct amqp_error *error, const struct amqp_settings *settings, const char *action,
                      const amqp_method_t *method)
{
        int code = 0;
        struct slice text = SLICE_LITERAL("unexpected method");
        if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
                const amqp_connection_close_t *close = method->decoded;
                code = close->reply_code;
                text = slice_of_bytes(close->reply_text);
        } else if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
                const amqp_channel_close_t *close = method->decoded;
                code = close->reply_code;
                text = slice_of_bytes(close->reply_text);
        }
        *error = (struct amqp_error){.trouble = trouble_of(code), .code = code};
        snprintf(error->text, sizeof(error->text), "%s: %s: %d %.*s", settings->place, action, code,
                 SLICE_PRINT(text));
}

bool amqp_error_reply(struct amqp_error *error, const struct amqp_settings *settings, const char *action,
                      amqp_rpc_reply_t reply)
{
        switch (reply.reply_type) {
        case AMQP_RESPONSE_NORMAL:
                return true;
        case AMQP_RESPONSE_SERVER_EXCEPTION:
                amqp_error_close(error, settings, action, &reply.reply);
                return false;
        case AMQP_RESPONSE_LIBRARY_EXCEPTION:
                amqp_error_status(error, settings, action, reply.library_error);
                return false;
        case AMQP_RESPONSE_NONE:
                amqp_error_status(error, settings, action, AMQP_STATUS_CONNECTION_CLOSED);
                return false;
        }
        abort();
}

/* The library has no call for "the system's authorities": the bundle of the distribution is named to it. */
static const char *authorities_file(const struct amqp_settings *settings)
{
        const char *candidates[] = {settings->ca_file, getenv(X509_get_default_cert_file_env()),
                                    X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt"};
        for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++)
                if (candidates[i] && (candidates[i] == settings->ca_file || access(candidates[i], R_OK) == 0))
                        return candidates[i];
        return "/etc/ssl/certs/ca-certificates.crt";
}

static bool socket_secure(struct broker *broker, amqp_socket_t *socket, struct amqp_error *error)
{
        const struct amqp_settings *settings = broker->settings;
        amqp_ssl_socket_set_verify_peer(socket, 1);
        amqp_ssl_socket_set_verify_hostname(socket, 1);
        int status = amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
        if (status == AMQP_STATUS_OK)
                status = amqp_ssl_socket_set_cacert(socket, authorities_file(settings));
        if (status != AMQP_STATUS_OK) {
                amqp_error_status(error, settings, "read the certificate authorities", status);
                error->trouble = AMQP_TROUBLE_REFUSED;
                return false;
        }
        if (!settings->cert_file)
                return true;
        status = amqp_ssl_socket_set_key(socket, settings->cert_file, settings->key_file);
        if (status == AMQP_STATUS_OK)
                return true;
        amqp_error_status(error, settings, "read the client certificate and key", status);
        error->trouble = AMQP_TROUBLE_REFUSED;
        return false;
}

static bool socket_connect(struct broker *broker, struct amqp_error *error)
{
        const struct amqp_settings *settings = broker->settings;
        amqp_socket_t *socket =
                settings->tls ? amqp_ssl_socket_new(broker->state) : amqp_tcp_socket_new(broker->state);
        if (!socket)
                memory_out();
        if (settings->tls && !socket_secure(broker, socket, error))
                return false;
        struct timeval timeout = timeval_of(AMQP_CONNECT_TIMEOUT_MS);
        int status = amqp_socket_open_noblock(socket, settings->host, settings->port, &timeout);
        if (status == AMQP_STATUS_OK)
                return true;
        amqp_error_status(error, settings, "connect", status);
        if (status == AMQP_STATUS_SOCKET_ERROR) /* the library does not hand on what connect(2) said */
                snprintf(error->text, sizeof(error->text), "%s: connect: refused, or not reachable",
                         settings->place);
        return false;
}

struct broker *broker_open(const struct amqp_settings *settings, const char *role, struct amqp_error *error)
{
        *error = (struct amqp_error){0};
        struct broker *broker = memory_raw(sizeof(*broker));
        *broker = (struct broker){.state = amqp_new_connection(), .settings = settings};
        if (!broker->state)
                memory_out();
        struct timeval timeout = timeval_of(AMQP_RPC_TIMEOUT_MS);
        amqp_set_rpc_timeout(broker->state, &timeout);
        if (socket_connect(broker, error) && broker_log_in(broker, role, error))
                return broker;
        broker_close(broker, 0);
        return NULL;
}

void broker_close(struct broker *broker, int64_t bound_ms)
{
        if (!broker)
                return;
        if (bound_ms > 0 && amqp_writable(broker, 0)) {
                struct timeval timeout = timeval_of(bound_ms);
                amqp_set_rpc_timeout(broker->state, &timeout);
                amqp_connection_close(broker->state, AMQP_REPLY_SUCCESS);
        }
        amqp_destroy_connection(broker->state);
        free(broker);
}

bool broker_heartbeats_take_over(struct broker *broker, int64_t *heartbeat_ms)
{
        amqp_connection_state_t state = broker->state;
        *heartbeat_ms = (int64_t)amqp_get_heartbeat(state) * 1000;
        if (!amqp_release_buffers_ok(state))
                return false;
        return amqp_tune_connection(state, amqp_get_channel_max(state), amqp_get_frame_max(state), 0) ==
               AMQP_STATUS_OK;
}
