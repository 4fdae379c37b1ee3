#include "core/memory/memory.h"
#include "core/text/shorten.h"
#include "io/amqp/amqp_wire.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

static struct timeval timeval_of(int64_t ms)
{
        return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
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
                amqp_error_status(error, broker->place, "read the certificate authorities", status);
                error->trouble = AMQP_TROUBLE_REFUSED;
                return false;
        }
        if (!settings->cert_file)
                return true;
        status = amqp_ssl_socket_set_key(socket, settings->cert_file, settings->key_file);
        if (status == AMQP_STATUS_OK)
                return true;
        amqp_error_status(error, broker->place, "read the client certificate and key", status);
        error->trouble = AMQP_TROUBLE_REFUSED;
        return false;
}

static bool socket_connect(struct broker *broker, int64_t bound_ms, struct amqp_error *error)
{
        const struct amqp_settings *settings = broker->settings;
        amqp_socket_t *socket =
                settings->tls ? amqp_ssl_socket_new(broker->state) : amqp_tcp_socket_new(broker->state);
        if (!socket)
                memory_out();
        if (settings->tls && !socket_secure(broker, socket, error))
                return false;
        struct timeval timeout = timeval_of(bound_ms);
        int status = amqp_socket_open_noblock(socket, broker->node->host, broker->node->port, &timeout);
        if (status == AMQP_STATUS_OK)
                return true;
        amqp_error_status(error, broker->place, "connect", status);
        if (status == AMQP_STATUS_SOCKET_ERROR) /* the library does not hand on what connect(2) said */
                snprintf(error->text, sizeof(error->text), "%s: connect: refused, or not reachable",
                         broker->place);
        return false;
}

static int64_t bounded(const struct amqp_settings *settings, int64_t usual_ms)
{
        bool less = settings->bound_ms > 0 && settings->bound_ms < usual_ms;
        return less ? settings->bound_ms : usual_ms;
}

/* `last`: no other node is left to try, so that this one gets its whole time. */
static struct broker *amqp_node_open(const struct amqp_settings *settings, const struct amqp_node *node,
                                     const char *role, bool last, struct amqp_error *error)
{
        struct broker *broker = memory_raw(sizeof(*broker));
        *broker = (struct broker){
                .state = amqp_new_connection(), .settings = settings, .node = node, .place = node->place};
        if (!broker->state)
                memory_out();
        struct timeval timeout = timeval_of(bounded(settings, AMQP_RPC_TIMEOUT_MS));
        amqp_set_rpc_timeout(broker->state, &timeout);
        int64_t connect_ms = bounded(settings, last ? AMQP_CONNECT_TIMEOUT_MS : AMQP_NODE_TIMEOUT_MS);
        int64_t log_in_ms = bounded(settings, last ? AMQP_RPC_TIMEOUT_MS : AMQP_NODE_TIMEOUT_MS);
        if (socket_connect(broker, connect_ms, error) && broker_log_in(broker, role, log_in_ms, error))
                return broker;
        broker_close(broker, 0);
        return NULL;
}

static void nodes_shuffle(const struct amqp_node **order, const struct amqp_settings *settings)
{
        for (size_t i = 0; i < settings->node_count; i++)
                order[i] = &settings->nodes[i];
        for (size_t i = settings->node_count; i > 1; i--) {
                uint32_t random = 0;
                if (uv_random(NULL, NULL, &random, sizeof(random), 0, NULL) != 0)
                        abort();
                size_t other = random % i;
                const struct amqp_node *node = order[other];
                order[other] = order[i - 1];
                order[i - 1] = node;
        }
}

/* Adds what a further node said. */
static void error_join(struct amqp_error *error, const struct amqp_error *further)
{
        char text[2 * AMQP_ERROR_MAX + 2];
        snprintf(text, sizeof(text), "%s%s%s", error->text, error->text[0] ? "; " : "", further->text);
        *error = *further;
        text_shorten(error->text, sizeof(error->text), text);
}

struct broker *broker_open(const struct amqp_settings *settings, const char *role, struct amqp_error *error)
{
        const struct amqp_node *order[AMQP_NODES_MAX];
        nodes_shuffle(order, settings);
        *error = (struct amqp_error){0};
        for (size_t i = 0; i < settings->node_count; i++) {
                struct amqp_error of_node = {0};
                struct broker *broker =
                        amqp_node_open(settings, order[i], role, i + 1 == settings->node_count, &of_node);
                if (broker)
                        *error = (struct amqp_error){0};
                if (broker)
                        return broker;
                error_join(error, &of_node);
                if (of_node.trouble == AMQP_TROUBLE_REFUSED)
                        break;
        }
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
