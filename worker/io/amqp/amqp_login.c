#include "io/amqp/amqp_wire.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/*
 * The handshake of AMQP 0-9-1 (section 2.2.4) on the library's frames. Its own amqp_login believes any
 * tuning: with a frame_max below a method's head librabbitmq 0.11 writes past the buffer that it has made
 * that small.
 */

enum {
        FRAME_MIN = 4096, /* section 4.2.3: frame-min-size */
        ANSWER_MAX = 1024,
        OTHER_VERSION = 'A', /* the library's name for a protocol header, in place of a frame type */
        CREDENTIAL_MAX = (ANSWER_MAX - 2) / 2,
};

struct login {
        struct broker *broker;
        struct amqp_error *error;
        int64_t until_ms;
};

static int64_t login_now_ms(void)
{
        return (int64_t)(uv_hrtime() / 1000000);
}

static bool login_fail(struct login *login, enum amqp_trouble trouble, const char *why)
{
        *login->error = (struct amqp_error){.trouble = trouble};
        snprintf(login->error->text, sizeof(login->error->text), "%s: log in: %s", login->broker->place, why);
        return false;
}

static bool fail_status(struct login *login, int status)
{
        amqp_error_status(login->error, login->broker->place, "log in", status);
        return false;
}

/* The one frame that may come now: a method of the connection, of the class or `connection.close`. */
static bool method_await(struct login *login, amqp_method_number_t expected, amqp_method_t *method)
{
        int64_t left_ms = login->until_ms - login_now_ms();
        left_ms = left_ms > 0 ? left_ms : 0;
        struct timeval timeout = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(login->broker->state, &frame, &timeout);
        if (status != AMQP_STATUS_OK)
                return fail_status(login, status);
        if (frame.frame_type == OTHER_VERSION)
                return login_fail(login, AMQP_TROUBLE_RETRY, "the server speaks another version of AMQP");
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.channel != 0)
                return login_fail(login, AMQP_TROUBLE_RETRY, "an unexpected frame");
        *method = frame.payload.method;
        if (method->id == expected)
                return true;
        if (method->id != AMQP_CONNECTION_CLOSE_METHOD)
                return login_fail(login, AMQP_TROUBLE_RETRY, "an unexpected method");
        amqp_error_close(login->error, login->broker->place, "log in", method);
        return false;
}

static bool method_send(struct login *login, amqp_method_number_t id, void *method)
{
        int64_t left_ms = login->until_ms - login_now_ms();
        if (left_ms <= 0 || !amqp_writable(login->broker, (int)left_ms))
                return fail_status(login, AMQP_STATUS_TIMEOUT);
        int status = amqp_send_method(login->broker->state, 0, id, method);
        return status == AMQP_STATUS_OK || fail_status(login, status);
}

/* The mechanisms are words between spaces. */
static bool offers_plain(struct slice mechanisms)
{
        static const char name[] = "PLAIN";
        const size_t len = sizeof(name) - 1;
        for (size_t at = 0; at + len <= mechanisms.len; at++)
                if (memcmp(mechanisms.data + at, name, len) == 0 &&
                    (at == 0 || mechanisms.data[at - 1] == ' ') &&
                    (at + len == mechanisms.len || mechanisms.data[at + len] == ' '))
                        return true;
        return false;
}

static bool start_await(struct login *login)
{
        amqp_method_t method;
        if (!method_await(login, AMQP_CONNECTION_START_METHOD, &method))
                return false;
        const amqp_connection_start_t *start = method.decoded;
        if (start->version_major != AMQP_PROTOCOL_VERSION_MAJOR ||
            start->version_minor != AMQP_PROTOCOL_VERSION_MINOR)
                return login_fail(login, AMQP_TROUBLE_RETRY, "the server speaks another version of AMQP");
        if (!offers_plain(slice_of_bytes(start->mechanisms)))
                return login_fail(login, AMQP_TROUBLE_RETRY, "the server does not take PLAIN credentials");
        return true;
}

static amqp_table_entry_t login_entry_text(const char *name, const char *text)
{
        return (amqp_table_entry_t){.key = bytes_of(name),
                                    .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = bytes_of(text)}};
}

static amqp_table_entry_t entry_true(const char *name)
{
        return (amqp_table_entry_t){.key = bytes_of(name),
                                    .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

/* RFC 4616: NUL user NUL password. */
static bool credentials_write(const struct amqp_settings *settings, char answer[ANSWER_MAX], size_t *len)
{
        size_t user = strlen(settings->user), password = strlen(settings->password);
        if (user > CREDENTIAL_MAX || password > CREDENTIAL_MAX)
                return false;
        answer[0] = '\0';
        memcpy(answer + 1, settings->user, user + 1);
        memcpy(answer + 2 + user, settings->password, password);
        *len = 2 + user + password;
        return true;
}

/* Without consumer_cancel_notify the broker does not tell that a queue was deleted; without
 * authentication_failure_close it hangs up on a wrong password without a word. */
static bool start_answer(struct login *login, const char *role)
{
        const struct amqp_settings *settings = login->broker->settings;
        char host[128] = "", name[256], answer[ANSWER_MAX];
        size_t answer_len;
        gethostname(host, sizeof(host) - 1);
        snprintf(name, sizeof(name), "leveret %s %s:%d", role, host, (int)getpid());
        amqp_table_entry_t capabilities[] = {
                entry_true("authentication_failure_close"), entry_true("consumer_cancel_notify"),
                entry_true("connection.blocked"), entry_true("basic.nack"), entry_true("publisher_confirms")};
        amqp_table_entry_t properties[] = {
                login_entry_text("product", "leveret"),
                login_entry_text("version", LEVERET_VERSION),
                login_entry_text("platform", "C"),
                login_entry_text("connection_name", name),
                {.key = bytes_of("capabilities"),
                 .value = {.kind = AMQP_FIELD_KIND_TABLE,
                           .value.table = {.num_entries = sizeof(capabilities) / sizeof(*capabilities),
                                           .entries = capabilities}}},
        };
        if (!credentials_write(settings, answer, &answer_len))
                return login_fail(login, AMQP_TROUBLE_REFUSED, "user or password of more than 511 bytes");
        amqp_connection_start_ok_t ok = {
                .client_properties = {.num_entries = sizeof(properties) / sizeof(*properties),
                                      .entries = properties},
                .mechanism = bytes_of("PLAIN"),
                .response = {.len = answer_len, .bytes = answer},
                .locale = bytes_of("en_US"),
        };
        bool sent = method_send(login, AMQP_CONNECTION_START_OK_METHOD, &ok);
        explicit_bzero(answer, sizeof(answer));
        return sent;
}

/* The lesser of both wishes; 0 is none. */
static int lesser(int ours, uint32_t theirs)
{
        return theirs != 0 && (ours == 0 || theirs < (uint32_t)ours) ? (int)theirs : ours;
}

static bool tune(struct login *login)
{
        amqp_method_t method;
        if (!method_await(login, AMQP_CONNECTION_TUNE_METHOD, &method))
                return false;
        const amqp_connection_tune_t *wish = method.decoded;
        amqp_connection_tune_ok_t ok = {
                .channel_max = (uint16_t)lesser(AMQP_DEFAULT_MAX_CHANNELS, wish->channel_max),
                .frame_max = (uint32_t)lesser(AMQP_FRAME_MAX, wish->frame_max),
                .heartbeat = (uint16_t)lesser(login->broker->settings->heartbeat_s, wish->heartbeat),
        };
        if (ok.frame_max < FRAME_MIN)
                return login_fail(login, AMQP_TROUBLE_RETRY,
                                  "the server wants frames of less than 4096 bytes");
        amqp_connection_state_t state = login->broker->state;
        if (!amqp_release_buffers_ok(state))
                return login_fail(login, AMQP_TROUBLE_RETRY, "the server did not wait for the tuning");
        int status = amqp_tune_connection(state, ok.channel_max, (int)ok.frame_max, ok.heartbeat);
        if (status != AMQP_STATUS_OK)
                return fail_status(login, status);
        return method_send(login, AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
}

static bool host_open(struct login *login)
{
        amqp_method_t method;
        amqp_connection_open_t open = {.virtual_host = bytes_of(login->broker->settings->vhost), .insist = 1};
        return method_send(login, AMQP_CONNECTION_OPEN_METHOD, &open) &&
               method_await(login, AMQP_CONNECTION_OPEN_OK_METHOD, &method);
}

bool broker_log_in(struct broker *broker, const char *role, int64_t bound_ms, struct amqp_error *error)
{
        struct login login = {.broker = broker, .error = error, .until_ms = login_now_ms() + bound_ms};
        int status = amqp_send_header(broker->state);
        if (status != AMQP_STATUS_OK)
                return fail_status(&login, status);
        bool ok = start_await(&login) && start_answer(&login, role) && tune(&login) && host_open(&login);
        amqp_maybe_release_buffers(broker->state);
        return ok;
}
