#include "io/smtp_session.h"
#include "core/mail_error.h"
#include "core/mail_outcome.h"
#include "core/mail_request.h"
#include "core/mailbox.h"
#include "core/memory.h"
#include "core/mime.h"
#include "io/clock.h"
#include "io/mail_curl.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
        SOCKETS_MAX = 4,         /* libcurl tries two addresses at a time */
        REPLIES_MAX = 64 * 1024, /* bytes of replies to one mail */
        /* what libcurl keeps for each connection: its least, as mails are small and replies short */
        UPLOAD_BYTES = 16 * 1024,
        REPLY_BYTES = 1024,
};

struct smtp_session {
        const struct config *config;
        CURLU *url;
        CURL *easy; /* NULL: the next mail makes a new one, with a new connection */

        pthread_mutex_t mutex; /* the sockets: shut down by another thread, never after they were closed */
        curl_socket_t sockets[SOCKETS_MAX];
        atomic_bool aborted;

        /* of the mail that is being sent */
        struct buffer message, sender, recipient;
        struct curl_slist recipients;
        size_t given_len;   /* bytes of the message that libcurl took */
        size_t written_len; /* and that it wrote to the connection */
        size_t replies_len;
        struct mail_fence fence;
        bool fenced, connected_anew;
        enum smtp_phase phase;
        bool replied; /* in this phase */
        bool quit;    /* said; what comes now is not about the mail */
        struct smtp_reply reply;
        char reply_text[MAIL_ERROR_MAX];
        char cause[CURL_ERROR_SIZE]; /* libcurl's own words */
};

static void sockets_shutdown(struct smtp_session *session, int how)
{
        pthread_mutex_lock(&session->mutex);
        for (size_t i = 0; i < SOCKETS_MAX; i++)
                if (session->sockets[i] >= 0)
                        shutdown(session->sockets[i], how);
        pthread_mutex_unlock(&session->mutex);
}

static bool socket_replace(struct smtp_session *session, curl_socket_t old, curl_socket_t new)
{
        for (size_t i = 0; i < SOCKETS_MAX; i++) {
                if (session->sockets[i] == old) {
                        session->sockets[i] = new;
                        return true;
                }
        }
        return false;
}

static curl_socket_t socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
        struct smtp_session *session = context;
        (void)purpose;
        curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        if (fd < 0)
                return CURL_SOCKET_BAD;
        session->connected_anew = true;
        pthread_mutex_lock(&session->mutex);
        bool kept = !atomic_load(&session->aborted) && socket_replace(session, -1, fd);
        pthread_mutex_unlock(&session->mutex);
        if (kept)
                return fd;
        close(fd);
        return CURL_SOCKET_BAD;
}

static int socket_close(void *context, curl_socket_t fd)
{
        struct smtp_session *session = context;
        pthread_mutex_lock(&session->mutex);
        socket_replace(session, fd, -1);
        pthread_mutex_unlock(&session->mutex);
        return close(fd);
}

static bool begins(struct slice text, const char *word)
{
        return text.len >= strlen(word) && memcmp(text.data, word, strlen(word)) == 0;
}

static void command_seen(struct smtp_session *session, struct slice command)
{
        if (begins(command, "QUIT")) {
                /* Nobody waits for the reply: let it look as if the server had gone. */
                session->quit = true;
                sockets_shutdown(session, SHUT_RD);
                return;
        }
        bool continued = session->phase == SMTP_AUTH && session->replied && session->reply.code == 334;
        session->replied = false;
        if (continued) /* base64, whatever it begins with */
                return;
        if (begins(command, "EHLO") || begins(command, "HELO"))
                session->phase = SMTP_EHLO;
        else if (begins(command, "STARTTLS"))
                session->phase = SMTP_STARTTLS;
        else if (begins(command, "AUTH "))
                session->phase = SMTP_AUTH;
        else if (begins(command, "MAIL FROM"))
                session->phase = SMTP_MAIL;
        else if (begins(command, "RCPT TO"))
                session->phase = SMTP_RCPT;
        else if (begins(command, "DATA"))
                session->phase = SMTP_DATA;
}

static void reply_seen(struct smtp_session *session, struct slice line)
{
        struct smtp_reply reply;
        bool last = false;
        session->replies_len += line.len;
        if (session->quit || !smtp_reply_parse(line, &reply, &last) || !last)
                return;
        size_t len =
                reply.text.len < sizeof session->reply_text ? reply.text.len : sizeof session->reply_text;
        memcpy(session->reply_text, reply.text.data, len);
        session->reply = reply;
        session->reply.text = (struct slice){.data = session->reply_text, .len = len};
        session->replied = true;
}

static void message_written(struct smtp_session *session, size_t len)
{
        session->written_len += len;
        if (session->phase != SMTP_DATA || session->written_len < session->message.len)
                return;
        /* The dot follows at once; the next reply is the one to the message. */
        session->phase = SMTP_DOT;
        session->replied = false;
}

/* libcurl answers "55" to every refusal; the dialogue itself tells which it was. */
static int dialogue_seen(CURL *easy, curl_infotype type, char *data, size_t len, void *context)
{
        struct smtp_session *session = context;
        struct slice bytes = {.data = data, .len = len};
        (void)easy;
        if (type == CURLINFO_HEADER_IN) {
                reply_seen(session, bytes);
        } else if (type == CURLINFO_DATA_OUT) {
                message_written(session, len);
        } else if (type == CURLINFO_HEADER_OUT) {
                command_seen(session, bytes);
        }
        return 0;
}

static size_t message_give(char *to, size_t size, size_t count, void *context)
{
        struct smtp_session *session = context;
        size_t room = size * count, left = session->message.len - session->given_len;
        size_t len = left < room ? left : room;
        memcpy(to, session->message.data + session->given_len, len);
        session->given_len += len;
        return len;
}

static int progress_ask(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                        curl_off_t up)
{
        struct smtp_session *session = context;
        (void)down_total, (void)down, (void)up_total, (void)up;
        return atomic_load(&session->aborted) || session->replies_len > REPLIES_MAX;
}

/* The connection stands and is greeted; MAIL is next. */
static int fence_ask(void *context, char *ip, char *local_ip, int port, int local_port)
{
        struct smtp_session *session = context;
        (void)ip, (void)local_ip, (void)port, (void)local_port;
        session->fenced = clock_boot_ms() > session->fence.valid_until_ms;
        return session->fenced ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static void hooks_set(struct smtp_session *session, CURL *easy)
{
        MAIL_CURL_SET(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
        MAIL_CURL_SET(easy, CURLOPT_OPENSOCKETDATA, session);
        MAIL_CURL_SET(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
        MAIL_CURL_SET(easy, CURLOPT_CLOSESOCKETDATA, session);
        MAIL_CURL_SET(easy, CURLOPT_VERBOSE, 1L); /* else the next one is not called */
        MAIL_CURL_SET(easy, CURLOPT_DEBUGFUNCTION, dialogue_seen);
        MAIL_CURL_SET(easy, CURLOPT_DEBUGDATA, session);
        MAIL_CURL_SET(easy, CURLOPT_READFUNCTION, message_give);
        MAIL_CURL_SET(easy, CURLOPT_READDATA, session);
        MAIL_CURL_SET(easy, CURLOPT_NOPROGRESS, 0L);
        MAIL_CURL_SET(easy, CURLOPT_XFERINFOFUNCTION, progress_ask);
        MAIL_CURL_SET(easy, CURLOPT_XFERINFODATA, session);
        MAIL_CURL_SET(easy, CURLOPT_PREREQFUNCTION, fence_ask);
        MAIL_CURL_SET(easy, CURLOPT_PREREQDATA, session);
}

static CURL *easy_new(struct smtp_session *session)
{
        const struct config *config = session->config;
        CURL *easy = mail_curl_easy(&config->mail.smtp.tls, "smtp,smtps", config->mail.timeout_ms);
        MAIL_CURL_SET(easy, CURLOPT_CURLU, session->url);
        MAIL_CURL_SET(easy, CURLOPT_UPLOAD, 1L);
        MAIL_CURL_SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BYTES);
        MAIL_CURL_SET(easy, CURLOPT_BUFFERSIZE, (long)REPLY_BYTES);
        /* else a reply may take two minutes only, whatever the whole may take */
        MAIL_CURL_SET(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(config->mail.timeout_ms / 1000 + 1));
        if (config->mail.smtp.starttls == SMTP_STARTTLS_REQUIRED)
                MAIL_CURL_SET(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
        if (config->mail.smtp.username && *config->mail.smtp.username) {
                MAIL_CURL_SET(easy, CURLOPT_USERNAME, config->mail.smtp.username);
                MAIL_CURL_SET(easy, CURLOPT_PASSWORD,
                              config->mail.smtp.password ? config->mail.smtp.password : "");
        }
        hooks_set(session, easy);
        return easy;
}

/* QUIT is written, but the reply is not awaited: a server must not hold up the thread. */
static void easy_drop(struct smtp_session *session)
{
        if (!session->easy)
                return;
        sockets_shutdown(session, SHUT_RD);
        curl_easy_cleanup(session->easy);
        session->easy = NULL;
}

struct smtp_session *smtp_session_new(const struct config *config)
{
        struct smtp_session *session = memory_zeroed(1, sizeof *session);
        session->config = config;
        session->url = mail_curl_url(config->mail.smtp.url);
        pthread_mutex_init(&session->mutex, NULL);
        for (size_t i = 0; i < SOCKETS_MAX; i++)
                session->sockets[i] = -1;
        return session;
}

void smtp_session_free(struct smtp_session *session)
{
        easy_drop(session);
        curl_url_cleanup(session->url);
        buffer_fini(&session->message);
        buffer_fini(&session->sender);
        buffer_fini(&session->recipient);
        pthread_mutex_destroy(&session->mutex);
        free(session);
}

void smtp_session_abort(struct smtp_session *session)
{
        atomic_store(&session->aborted, true);
        sockets_shutdown(session, SHUT_RDWR);
}

static void message_prepare(struct smtp_session *session, const struct mail_request *request)
{
        struct mailbox sender;
        if (!mailbox_parse(&sender, request->from))
                abort(); /* the request was checked */
        buffer_clear(&session->message);
        buffer_clear(&session->sender);
        buffer_clear(&session->recipient);
        mime_add(&session->message, request);
        buffer_printf(&session->sender, "<%.*s>", SLICE_PRINT(sender.address));
        buffer_printf(&session->recipient, "<%s>", request->to);
        session->recipients = (struct curl_slist){.data = session->recipient.data};
}

static struct mail_result attempt_judge(struct smtp_session *session, CURLcode code)
{
        char cause[MAIL_ERROR_MAX];
        if (session->fenced)
                return mail_outcome_fenced();
        if (session->replied && (session->phase == SMTP_DOT || session->reply.code >= 400)) {
                struct mail_result result = mail_outcome_smtp(session->phase, &session->reply);
                if (result.outcome == MAIL_SENT)
                        mail_provider_id_set(&result, session->reply.text);
                return result;
        }
        if (atomic_load(&session->aborted))
                return mail_outcome_stopped(session->phase == SMTP_DOT);
        if (session->phase < SMTP_MAIL && mail_curl_settings_at_fault(code))
                return mail_outcome_settings(mail_curl_cause(code, session->cause));
        snprintf(cause, sizeof cause, "%s at %s", mail_curl_cause(code, session->cause),
                 smtp_phase_word(session->phase));
        return mail_outcome_cut(session->phase == SMTP_DOT, cause);
}

static void attempt_begin(struct smtp_session *session)
{
        session->given_len = session->written_len = session->replies_len = 0;
        session->fenced = session->connected_anew = session->replied = session->quit = false;
        session->phase = SMTP_CONNECT;
        session->cause[0] = '\0';
}

static struct mail_result attempt(struct smtp_session *session, CURLcode *code)
{
        if (!session->easy)
                session->easy = easy_new(session);
        CURL *easy = session->easy;
        attempt_begin(session);
        MAIL_CURL_SET(easy, CURLOPT_ERRORBUFFER, session->cause);
        MAIL_CURL_SET(easy, CURLOPT_MAIL_FROM, session->sender.data);
        MAIL_CURL_SET(easy, CURLOPT_MAIL_RCPT, &session->recipients);
        MAIL_CURL_SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)session->message.len);
        *code = curl_easy_perform(easy);
        struct mail_result result = attempt_judge(session, *code);
        /* After any failure the next mail must not read a late reply to this one: a time-out leaves the
         * connection in the pool with a reply still to come. */
        if (*code != CURLE_OK || result.outcome != MAIL_SENT)
                easy_drop(session);
        return result;
}

/* The kept connection had been closed while it was idle: nothing was said to anybody, so say it again on a
 * new one. */
static bool found_dead(const struct smtp_session *session, CURLcode code)
{
        bool silent = !session->replied || session->reply.code == 421;
        return code != CURLE_OK && code != CURLE_OPERATION_TIMEDOUT && !session->connected_anew &&
               !session->fenced && session->phase < SMTP_DATA && silent && !atomic_load(&session->aborted);
}

struct mail_result smtp_session_send(struct smtp_session *session, const struct mail_request *request,
                                     struct mail_fence fence)
{
        const char *problem = mail_request_problem(request);
        if (problem)
                return mail_outcome_invalid(problem);
        session->fence = fence;
        message_prepare(session, request);
        CURLcode code;
        struct mail_result result = attempt(session, &code);
        if (found_dead(session, code))
                result = attempt(session, &code);
        return result;
}
