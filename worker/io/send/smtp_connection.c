#include "io/send/smtp_connection.h"
#include "core/mail/smtp_key.h"
#include "core/memory/memory.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"
#include "core/send/smtp_dialogue.h"
#include "io/machine/clock.h"
#include "io/send/send_curl.h"
#include "io/send/smtp_hint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 4096, TOKEN_BYTES = 8192 };

enum state {
        CLOSED,
        CONNECTING, /* libcurl's, until it is logged in */
        TALKING,    /* about a mail */
        IDLE,
};

struct smtp_connection {
        const struct config_outlet *config;
        CURLU *url;
        struct curl_loop *curl_loop;
        size_t place;
        void *owner;

        CURL *easy; /* NULL while closed */
        curl_socket_t fd;
        enum state state;
        bool kept; /* it has stood since an earlier mail */

        /* while connecting: */
        enum smtp_phase phase;
        struct smtp_heard heard; /* `replied`: in this phase */
        struct smtp_extensions extensions;
        char cause[CURL_ERROR_SIZE]; /* libcurl's own words */

        const struct mail_request *request; /* NULL: none is to follow */
        int64_t valid_until_ms;             /* of the request: the fence */
        bool together;                      /* its commands, where the server offers PIPELINING */
        struct smtp_dialogue dialogue;
        struct send_result result;
};

/* ---- connecting ---- */

static void command_seen(struct smtp_connection *connection, struct slice command)
{
        const struct smtp_heard *heard = &connection->heard;
        bool continued = connection->phase == SMTP_AUTH && heard->replied && heard->reply.code == 334;
        connection->heard.replied = false;
        if (continued) /* base64, whatever it begins with */
                return;
        if (slice_begins(command, "EHLO") || slice_begins(command, "HELO")) {
                connection->phase = SMTP_EHLO;
                connection->extensions = (struct smtp_extensions){0};
        } else if (slice_begins(command, "STARTTLS")) {
                connection->phase = SMTP_STARTTLS;
        } else if (slice_begins(command, "AUTH ")) {
                connection->phase = SMTP_AUTH;
        }
}

/* libcurl tells no more of a refusal than that it was one; the dialogue itself does. */
static int dialogue_seen(CURL *easy, curl_infotype type, char *data, size_t len, void *context)
{
        struct smtp_connection *connection = context;
        struct slice bytes = {.data = data, .len = len};
        (void)easy;
        if (type == CURLINFO_HEADER_OUT) {
                command_seen(connection, bytes);
        } else if (type == CURLINFO_HEADER_IN) {
                smtp_heard_line(&connection->heard, bytes);
                if (connection->phase == SMTP_EHLO)
                        smtp_extensions_line(&connection->extensions, bytes);
        }
        return 0;
}

static int progress_ask(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                        curl_off_t up)
{
        const struct smtp_connection *connection = context;
        (void)down_total, (void)down, (void)up_total, (void)up;
        return connection->heard.bytes > SMTP_REPLIES_MAX;
}

static bool wants_login(const struct config_outlet *config)
{
        return config->smtp.username && *config->smtp.username;
}

/* The token as it is now, without the end of its line; "" if it cannot be read, which the server refuses. */
static void token_read(const char *path, char *token, size_t size)
{
        FILE *file = fopen(path, "re");
        size_t len = file ? fread(token, 1, size - 1, file) : 0;
        token[len] = '\0';
        token[strcspn(token, "\r\n")] = '\0';
        if (file)
                fclose(file);
}

static void credentials_set(CURL *easy, const struct config_outlet *config)
{
        char token[TOKEN_BYTES];
        if (!wants_login(config))
                return;
        SEND_CURL_SET(easy, CURLOPT_USERNAME, config->smtp.username);
        if (config->smtp.token_file) {
                token_read(config->smtp.token_file, token, sizeof token);
                SEND_CURL_SET(easy, CURLOPT_XOAUTH2_BEARER, token);
                memset(token, 0, sizeof token);
                return;
        }
        SEND_CURL_SET(easy, CURLOPT_PASSWORD, config->smtp.password ? config->smtp.password : "");
}

static CURL *easy_new(struct smtp_connection *connection)
{
        const struct config_outlet *config = connection->config;
        CURL *easy = send_curl_easy(&config->smtp.tls, "smtp,smtps", config->timeout_ms);
        curl_loop_adopt(connection->curl_loop, easy, connection->place);
        SEND_CURL_SET(easy, CURLOPT_CURLU, connection->url);
        SEND_CURL_SET(easy, CURLOPT_CONNECT_ONLY, 1L);
        SEND_CURL_SET(easy, CURLOPT_PRIVATE, connection->owner);
        SEND_CURL_SET(easy, CURLOPT_ERRORBUFFER, connection->cause);
        /* else a reply may take two minutes only, whatever the whole may take */
        SEND_CURL_SET(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(config->timeout_ms / 1000 + 1));
        if (config->smtp.starttls == SMTP_STARTTLS_REQUIRED)
                SEND_CURL_SET(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
        credentials_set(easy, config);
        SEND_CURL_SET(easy, CURLOPT_VERBOSE, 1L); /* else the next one is not called */
        SEND_CURL_SET(easy, CURLOPT_DEBUGFUNCTION, dialogue_seen);
        SEND_CURL_SET(easy, CURLOPT_DEBUGDATA, connection);
        SEND_CURL_SET(easy, CURLOPT_NOPROGRESS, 0L);
        SEND_CURL_SET(easy, CURLOPT_XFERINFOFUNCTION, progress_ask);
        SEND_CURL_SET(easy, CURLOPT_XFERINFODATA, connection);
        return easy;
}

/* The loop has let go of it. */
static void easy_free(struct smtp_connection *connection)
{
        curl_easy_cleanup(connection->easy);
        connection->easy = NULL;
        connection->state = CLOSED;
}

static bool connect_begin(struct smtp_connection *connection)
{
        connection->phase = SMTP_CONNECT;
        connection->heard.bytes = 0;
        connection->heard.replied = false;
        connection->extensions = (struct smtp_extensions){0};
        connection->cause[0] = '\0';
        connection->kept = false;
        connection->easy = easy_new(connection);
        connection->state = CONNECTING;
        curl_loop_add(connection->curl_loop, connection->easy, connection->place);
        return false;
}

/* Some servers repeat what they were given for the log-in. */
static struct send_result refusal_judge(const struct smtp_connection *connection)
{
        const struct smtp_reply *reply = &connection->heard.reply;
        struct send_result result = send_outcome_smtp(connection->phase, reply);
        char context[48];
        snprintf(context, sizeof context, "SMTP %d at %s", reply->code, smtp_phase_word(connection->phase));
        send_error_set(&result, context, reply->text, connection->config->smtp.password);
        return result;
}

static struct send_result connect_judge(const struct smtp_connection *connection, CURLcode code)
{
        const struct smtp_heard *heard = &connection->heard;
        if (heard->replied && heard->reply.code >= 400)
                return refusal_judge(connection);
        char cause[SEND_ERROR_MAX];
        snprintf(cause, sizeof cause, "%s%s", send_curl_cause(code, connection->cause),
                 smtp_hint(connection->config, code, connection->phase, heard->replied,
                           &connection->extensions));
        if (code == CURLE_LOGIN_DENIED && connection->phase < SMTP_AUTH && wants_login(connection->config))
                return smtp_no_login(connection->config, &connection->extensions);
        if (send_curl_settings_at_fault(code))
                return send_outcome_settings(cause);
        struct send_result result = smtp_cut(connection->phase, cause);
        /* Closed instead of a greeting: that is how some take fewer connections. */
        result.crowded = connection->phase == SMTP_CONNECT && !heard->replied &&
                         (code == CURLE_RECV_ERROR || code == CURLE_SSL_CONNECT_ERROR);
        return result;
}

/* ---- talking ---- */

static void smtp_connection_drop(struct smtp_connection *connection)
{
        curl_loop_remove(connection->curl_loop, connection->easy, connection->place);
        easy_free(connection);
}

static bool smtp_end(struct smtp_connection *connection, struct send_result result)
{
        connection->result = result;
        smtp_dialogue_end(&connection->dialogue);
        return true;
}

/* Drops the connection as well. */
static bool connection_fail(struct smtp_connection *connection, struct send_result result)
{
        smtp_connection_drop(connection);
        return smtp_end(connection, result);
}

/* The kept connection had ended while it was idle: nothing was said to anybody, so say it again on a new one.
 */
static bool begin_again(struct smtp_connection *connection)
{
        smtp_connection_drop(connection);
        return connect_begin(connection);
}

static bool found_dead(const struct smtp_connection *connection)
{
        return connection->kept && smtp_dialogue_untouched(&connection->dialogue);
}

static bool lost(struct smtp_connection *connection, CURLcode code)
{
        if (found_dead(connection))
                return begin_again(connection);
        return connection_fail(connection,
                               smtp_dialogue_cut(&connection->dialogue, curl_easy_strerror(code)));
}

static bool fence_passed(const struct smtp_connection *connection)
{
        return clock_boot_ms() > connection->valid_until_ms;
}

/* libcurl holds a connection for used from the first byte that was sent on it: else it would close it in its
 * housekeeping, because a reply waits. */
static bool write_on(struct smtp_connection *connection)
{
        struct slice pending;
        while ((pending = smtp_dialogue_pending(&connection->dialogue)).len > 0) {
                size_t wrote = 0;
                CURLcode code = curl_easy_send(connection->easy, pending.data, pending.len, &wrote);
                if (code != CURLE_OK && code != CURLE_AGAIN)
                        return lost(connection, code);
                smtp_dialogue_wrote(&connection->dialogue, wrote);
                if (code == CURLE_AGAIN)
                        break;
        }
        if (smtp_dialogue_is_broken(&connection->dialogue))
                return connection_fail(connection, smtp_dialogue_cut(&connection->dialogue,
                                                                     "a fetched file cannot be read"));
        if (curl_loop_watch(connection->curl_loop, connection->fd, connection->owner, pending.len > 0))
                return false;
        return connection_fail(connection,
                               smtp_dialogue_cut(&connection->dialogue, "no room to wait for the server"));
}

static bool talk_begin(struct smtp_connection *connection)
{
        if (fence_passed(connection))
                return connection_fail(connection, send_outcome_fenced());
        struct smtp_extensions extensions = connection->extensions;
        extensions.pipelining &= connection->together;
        enum smtp_step step = smtp_dialogue_begin(&connection->dialogue, extensions, connection->request);
        if (step == SMTP_STEP_ENDED) { /* without a word: the connection is as it was */
                connection->state = IDLE;
                return smtp_end(connection, smtp_dialogue_result(&connection->dialogue));
        }
        connection->state = TALKING;
        return write_on(connection);
}

/* Where a refused mail could not be taken back, the connection is in doubt; so it is by words behind the last
 * reply. */
static bool talk_end(struct smtp_connection *connection, bool more)
{
        struct send_result result = smtp_dialogue_result(&connection->dialogue);
        bool clean = result.outcome == SEND_DONE || smtp_dialogue_is_clean(&connection->dialogue);
        if (clean && !more) {
                connection->state = IDLE;
                return smtp_end(connection, result);
        }
        if (result.outcome != SEND_DONE && found_dead(connection))
                return begin_again(connection);
        if (clean)
                smtp_connection_drop(connection);
        else
                smtp_connection_quit(connection);
        return smtp_end(connection, result);
}

static bool smtp_connection_take(struct smtp_connection *connection, struct slice bytes)
{
        struct smtp_dialogue *dialogue = &connection->dialogue;
        while (bytes.len > 0) {
                switch (smtp_dialogue_read(dialogue, &bytes)) {
                case SMTP_STEP_WAIT:
                        break;
                case SMTP_STEP_MESSAGE:
                        if (fence_passed(connection))
                                return connection_fail(connection, send_outcome_fenced());
                        smtp_dialogue_message(dialogue);
                        break;
                case SMTP_STEP_ENDED:
                        if (!found_dead(connection) && smtp_dialogue_reset(dialogue))
                                break;
                        return talk_end(connection, bytes.len > 0);
                case SMTP_STEP_FLOODED:
                        return connection_fail(connection, smtp_dialogue_cut(dialogue, "endless reply"));
                }
        }
        return false;
}

/* Reads all that is there, as TLS may hold back what no event announces, before it writes: a reply that was
 * there before the message is none to the message. */
static bool read_on(struct smtp_connection *connection)
{
        char bytes[READ_BYTES];
        while (connection->state == TALKING) {
                size_t len = 0;
                CURLcode code = curl_easy_recv(connection->easy, bytes, sizeof bytes, &len);
                if (code == CURLE_AGAIN)
                        return write_on(connection);
                if (code != CURLE_OK || len == 0)
                        return lost(connection, code != CURLE_OK ? code : CURLE_RECV_ERROR);
                if (smtp_connection_take(connection, (struct slice){.data = bytes, .len = len}))
                        return true;
        }
        return false;
}

/* Nobody has asked for anything: what there is to read is a farewell. */
static bool is_silent(struct smtp_connection *connection)
{
        char byte;
        size_t len;
        return curl_easy_recv(connection->easy, &byte, 1, &len) == CURLE_AGAIN;
}

/* ---- what others call ---- */

struct smtp_connection *smtp_connection_new(const struct config_outlet *config, CURLU *url,
                                            struct curl_loop *curl_loop, size_t place, void *owner)
{
        struct smtp_connection *connection = memory_zeroed(1, sizeof *connection);
        connection->config = config;
        connection->url = url;
        connection->curl_loop = curl_loop;
        connection->place = place;
        connection->owner = owner;
        connection->dialogue.message.key_header = smtp_key_header(config->smtp.key_header, config->smtp.url);
        return connection;
}

void smtp_connection_free(struct smtp_connection *connection)
{
        smtp_connection_quit(connection);
        smtp_dialogue_fini(&connection->dialogue);
        free(connection);
}

bool smtp_connection_send(struct smtp_connection *connection, const struct mail_request *request,
                          int64_t valid_until_ms, bool together)
{
        connection->request = request;
        connection->together = together;
        connection->valid_until_ms = valid_until_ms;
        if (connection->state == IDLE && !is_silent(connection))
                smtp_connection_drop(connection);
        connection->kept = connection->state == IDLE;
        return connection->kept ? talk_begin(connection) : connect_begin(connection);
}

void smtp_connection_probe(struct smtp_connection *connection)
{
        connection->request = NULL;
        connect_begin(connection);
}

bool smtp_connection_connected(struct smtp_connection *connection, CURLcode code)
{
        if (code != CURLE_OK) {
                easy_free(connection);
                return smtp_end(connection, connect_judge(connection, code));
        }
        SEND_CURL_SET(connection->easy, CURLOPT_VERBOSE, 0L);
        curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &connection->fd);
        if (wants_login(connection->config) && connection->phase != SMTP_AUTH)
                return connection_fail(connection,
                                       smtp_no_login(connection->config, &connection->extensions));
        if (connection->request)
                return talk_begin(connection);
        connection->state = IDLE;
        return smtp_end(connection, send_result_of(SEND_DONE));
}

bool smtp_connection_ready(struct smtp_connection *connection)
{
        if (connection->state == IDLE)
                smtp_connection_drop(connection);
        return read_on(connection);
}

static struct send_result together_judge(const struct smtp_dialogue *dialogue, const char *cause)
{
        char text[SEND_ERROR_MAX];
        snprintf(text, sizeof text,
                 "%s at %s (the server offers PIPELINING, but may not answer commands that are sent "
                 "together: for an hour it gets them one by one)",
                 cause, smtp_phase_word(dialogue->phase));
        return send_outcome_cut(false, text);
}

bool smtp_connection_expire(struct smtp_connection *connection)
{
        const char *cause = curl_easy_strerror(CURLE_OPERATION_TIMEDOUT);
        const struct smtp_dialogue *dialogue = &connection->dialogue;
        bool together = connection->state == TALKING && smtp_dialogue_is_together(dialogue);
        struct send_result result;
        if (connection->state == CONNECTING)
                result = connect_judge(connection, CURLE_OPERATION_TIMEDOUT);
        else if (together && !dialogue->resetting)
                result = together_judge(dialogue, cause);
        else
                result = smtp_dialogue_cut(dialogue, cause);
        connection_fail(connection, result);
        return together;
}

void smtp_connection_stop(struct smtp_connection *connection)
{
        bool talking = connection->state == TALKING;
        if (talking && connection->dialogue.resetting)
                connection_fail(connection, smtp_dialogue_result(&connection->dialogue));
        else
                connection_fail(connection,
                                send_outcome_stopped(talking && connection->dialogue.phase == SMTP_DOT));
}

const struct send_result *smtp_connection_result(const struct smtp_connection *connection)
{
        return &connection->result;
}

bool smtp_connection_stands(const struct smtp_connection *connection)
{
        return connection->state == TALKING || connection->state == IDLE;
}

bool smtp_connection_is_open(const struct smtp_connection *connection)
{
        return connection->state == IDLE;
}

void smtp_connection_quit(struct smtp_connection *connection)
{
        static const char QUIT[] = "QUIT\r\n";
        size_t wrote;
        if (connection->state == CLOSED)
                return;
        curl_easy_send(connection->easy, QUIT, sizeof QUIT - 1, &wrote);
        smtp_connection_drop(connection);
}
