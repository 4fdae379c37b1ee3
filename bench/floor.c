/* The floor: what the libraries cost when nothing is guaranteed. One thread, one epoll loop, the same
 * librabbitmq, jansson, hiredis and libcurl as leveret, in the way that was measured to be the cheapest.
 *
 * usage: bench_floor STAGE AMQPPORT QUEUE PREFETCH REDISPORT HTTPPORT COUNT     ends after COUNT messages, 0:
 * never STAGE: consume (and ack), json (parse, and write the mail), redis (claim before, status after), http
 * (the mail too) */
#include "io/amqp/amqp_library.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

enum stage { CONSUME, JSON, REDIS, HTTP };
enum { JOBS_MAX = 4096, MAIL_MAX = 4096, EVENTS = 256, FRAMES_PER_TURN = 128, FDS_MAX = 8192 };

struct job {
        uint64_t tag;
        bool claimed;
        char id[128], key_header[192], mail[MAIL_MAX], answer[256];
        size_t mail_len, answer_len;
        CURL *easy;
        struct curl_slist key;
        STAILQ_ENTRY(job) link;
};
STAILQ_HEAD(job_list, job);

static enum stage stage;
static int epoll_fd;
static amqp_connection_state_t broker;
static redisContext *redis;
static CURLM *multi;
static long curl_wait_ms = -1;
static struct curl_slist *headers;
static CURLU *url; /* parsed once */
static uint32_t wanted[FDS_MAX], watched[FDS_MAX]; /* epoll events of libcurl's connections */
static struct job jobs[JOBS_MAX];
static struct job_list idle = STAILQ_HEAD_INITIALIZER(idle), asked = STAILQ_HEAD_INITIALIZER(asked);
/* Acks of a turn: a multiple one for the contiguous prefix of tags, single ones for the rest. */
static bool done[1 << 16];
static uint64_t next_ack = 1, ready[JOBS_MAX];
static size_t ready_count;
static uint64_t ended, count_max;

static void die(const char *what)
{
        fprintf(stderr, "bench_floor: %s\n", what);
        exit(1);
}

static void watch(int fd, int operation, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.fd = fd};
        epoll_ctl(epoll_fd, operation, fd, &event);
}

/* ---- acks ---- */

static void ack_write(uint64_t tag, bool multiple)
{
        if (amqp_basic_ack(broker, 1, tag, multiple) != AMQP_STATUS_OK)
                die("ack");
}

static void acks_write(void)
{
        uint64_t prefix = next_ack, last = 0; /* a multiple ack must name a tag that is still unacked */
        for (size_t i = 0; i < ready_count; i++)
                done[ready[i] % (1 << 16)] = true;
        while (done[prefix % (1 << 16)])
                done[prefix++ % (1 << 16)] = false;
        for (size_t i = 0; i < ready_count; i++) {
                if (ready[i] >= prefix)
                        ack_write(ready[i], false);
                else if (ready[i] > last)
                        last = ready[i];
        }
        if (last)
                ack_write(last, true);
        next_ack = prefix;
        ready_count = 0;
}

static void job_end(struct job *job)
{
        ready[ready_count++] = job->tag;
        ended++;
        STAILQ_INSERT_HEAD(&idle, job, link);
}

/* ---- Redis ---- */

static void redis_ask(struct job *job, int argc, const char **argv)
{
        redisAppendCommandArgv(redis, argc, argv, NULL);
        STAILQ_INSERT_TAIL(&asked, job, link);
}

static void claim(struct job *job)
{
        char key[160];
        snprintf(key, sizeof(key), "floor:job:{%s}", job->id);
        job->claimed = false;
        redis_ask(job, 6, (const char *[]){"SET", key, "running", "NX", "PX", "604800000"});
}

static void status_set(struct job *job)
{
        char key[160];
        snprintf(key, sizeof(key), "floor:status:{%s}", job->id);
        redis_ask(job, 6, (const char *[]){"HSET", key, "state", "completed", "provider_id", job->answer});
}

static void redis_write(void)
{
        int all = 0;
        while (!all)
                if (redisBufferWrite(redis, &all) != REDIS_OK)
                        die(redis->errstr);
}

/* ---- mail ---- */

static size_t answer_take(char *data, size_t size, size_t count, void *context)
{
        struct job *job = context;
        size_t len = size * count;
        if (len > sizeof(job->answer) - 1 - job->answer_len)
                return 0;
        memcpy(job->answer + job->answer_len, data, len);
        job->answer_len += len;
        job->answer[job->answer_len] = '\0';
        return len;
}

static int curl_close(void *context, curl_socket_t fd)
{
        (void)context;
        watched[fd] = wanted[fd] = 0;
        return close(fd);
}

static void easy_make(struct job *job)
{
        job->easy = curl_easy_init();
        job->key.data = job->key_header;
        job->key.next = headers;
        curl_easy_setopt(job->easy, CURLOPT_CURLU, url);
        curl_easy_setopt(job->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job);
        curl_easy_setopt(job->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(job->easy, CURLOPT_PROXY, "");
        curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, &job->key);
        curl_easy_setopt(job->easy, CURLOPT_CLOSESOCKETFUNCTION, curl_close);
        curl_easy_setopt(job->easy, CURLOPT_WRITEFUNCTION, answer_take);
        curl_easy_setopt(job->easy, CURLOPT_WRITEDATA, job);
}

static void mail_send(struct job *job)
{
        if (!job->easy)
                easy_make(job);
        job->answer_len = 0;
        snprintf(job->key_header, sizeof(job->key_header), "Idempotency-Key: %s", job->id);
        curl_easy_setopt(job->easy, CURLOPT_POSTFIELDS, job->mail);
        curl_easy_setopt(job->easy, CURLOPT_POSTFIELDSIZE, (long)job->mail_len);
        curl_multi_add_handle(multi, job->easy);
}

static void mails_end(void)
{
        CURLMsg *message;
        int left;
        while ((message = curl_multi_info_read(multi, &left))) {
                struct job *job = NULL;
                long status = 0;
                CURL *easy = message->easy_handle;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, &job);
                curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
                curl_multi_remove_handle(multi, easy);
                if (status != 200)
                        die("the mail was refused");
                status_set(job);
        }
}

static int curl_timer(CURLM *unused, long wait_ms, void *context)
{
        (void)unused, (void)context;
        curl_wait_ms = wait_ms;
        return 0;
}

/* libcurl takes its hands off a connection after each request and on again with the next: the watch stays
 * meanwhile, and is taken off only when something happens that nobody waits for. */
static int curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
        (void)easy, (void)context, (void)unused;
        if (fd >= FDS_MAX)
                die("too many connections");
        wanted[fd] = what == CURL_POLL_REMOVE
                             ? 0
                             : (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
        if (wanted[fd] == 0 || wanted[fd] == watched[fd])
                return 0;
        struct epoll_event event = {.events = wanted[fd], .data.fd = fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0)
                watch(fd, EPOLL_CTL_ADD, wanted[fd]);
        watched[fd] = wanted[fd];
        return 0;
}

static void curl_turn(curl_socket_t fd, int events)
{
        int running;
        curl_multi_socket_action(multi, fd, events, &running);
        mails_end();
}

/* ---- replies ---- */

static void reply_take(const redisReply *reply)
{
        struct job *job = STAILQ_FIRST(&asked);
        STAILQ_REMOVE_HEAD(&asked, link);
        if (reply->type == REDIS_REPLY_ERROR)
                die(reply->str);
        if (job->claimed || reply->type == REDIS_REPLY_NIL) { /* ended, or a duplicate */
                job_end(job);
                return;
        }
        job->claimed = true;
        if (stage == HTTP)
                mail_send(job);
        else
                status_set(job);
}

static void redis_read(void)
{
        redisReply *reply;
        if (redisBufferRead(redis) != REDIS_OK)
                die(redis->errstr);
        while (redisGetReplyFromReader(redis, (void **)&reply) == REDIS_OK && reply) {
                reply_take(reply);
                freeReplyObject(reply);
        }
}

/* ---- JSON ---- */

static char *text_add(char *to, const char *text)
{
        size_t len = strlen(text);
        memcpy(to, text, len);
        return to + len;
}

static char *string_add(char *to, const char *text)
{
        *to++ = '"';
        for (; *text; text++) {
                if (*text == '"' || *text == '\\' || *text == '\n')
                        *to++ = '\\';
                *to++ = *text == '\n' ? 'n' : *text;
        }
        *to++ = '"';
        return to;
}

static void mail_write(struct job *job, const char *to, const char *subject, const char *text)
{
        char *at = text_add(job->mail, "{\"from\":\"Shop <shop@example.com>\",\"to\":[");
        at = string_add(at, to);
        at = string_add(text_add(at, "],\"subject\":"), subject);
        at = string_add(text_add(at, ",\"text\":"), text);
        at = text_add(at, "}");
        job->mail_len = (size_t)(at - job->mail);
}

static void mail_make(struct job *job, const char *body, size_t len)
{
        json_t *payload = json_loadb(body, len, 0, NULL);
        if (!payload)
                die("no JSON");
        const json_t *order = json_object_get(payload, "order_id");
        if (order) {
                char subject[256], text[64];
                snprintf(subject, sizeof(subject), "Order created: %s",
                         json_string_value(json_object_get(payload, "title")));
                snprintf(text, sizeof(text), "Order %" PRId64 " was created.\n",
                         (int64_t)json_integer_value(order));
                mail_write(job, json_string_value(json_object_get(payload, "customer_email")), subject, text);
        } else {
                mail_write(job, json_string_value(json_object_get(payload, "to")),
                           json_string_value(json_object_get(payload, "subject")),
                           json_string_value(json_object_get(payload, "text")));
        }
        json_decref(payload);
}

/* ---- broker ---- */

static void message_take(const amqp_envelope_t *envelope)
{
        struct job *job = STAILQ_FIRST(&idle);
        amqp_bytes_t id = envelope->message.properties.message_id;
        STAILQ_REMOVE_HEAD(&idle, link);
        job->tag = envelope->delivery_tag;
        snprintf(job->id, sizeof(job->id), "%.*s", (int)id.len, (const char *)id.bytes);
        if (stage >= JSON)
                mail_make(job, envelope->message.body.bytes, envelope->message.body.len);
        if (stage >= REDIS)
                claim(job);
        else
                job_end(job);
}

/* True if the library holds frames that no socket event will announce. */
static bool broker_read(void)
{
        const struct timeval no_wait = {0};
        for (int i = 0; i < FRAMES_PER_TURN; i++) {
                amqp_envelope_t envelope;
                amqp_maybe_release_buffers(broker);
                amqp_rpc_reply_t reply = amqp_consume_message(broker, &envelope, &no_wait, 0);
                if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
                        if (reply.library_error != AMQP_STATUS_TIMEOUT)
                                die(amqp_error_string2(reply.library_error));
                        return false;
                }
                message_take(&envelope);
                amqp_destroy_envelope(&envelope);
        }
        return amqp_frames_enqueued(broker) || amqp_data_in_buffer(broker);
}

static void broker_open(int port, const char *queue, int prefetch)
{
        broker = amqp_new_connection();
        amqp_socket_t *socket = amqp_tcp_socket_new(broker);
        if (amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK)
                die("cannot connect to the broker");
        amqp_login(broker, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
        amqp_channel_open(broker, 1);
        amqp_basic_qos(broker, 1, 0, (uint16_t)prefetch, 0);
        amqp_basic_consume(broker, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, /* no_ack = */ 0, 0,
                           amqp_empty_table);
        if (amqp_get_rpc_reply(broker).reply_type != AMQP_RESPONSE_NORMAL)
                die("cannot consume");
        watch(amqp_get_sockfd(broker), EPOLL_CTL_ADD, EPOLLIN);
}

static void redis_open(int port)
{
        redis = redisConnect("127.0.0.1", port);
        if (!redis || redis->err)
                die("cannot connect to Redis");
        redis->flags &= ~REDIS_BLOCK;
        fcntl(redis->fd, F_SETFL, fcntl(redis->fd, F_GETFL) | O_NONBLOCK);
        watch(redis->fd, EPOLL_CTL_ADD, EPOLLIN);
}

static void mail_open(const char *port, int connections)
{
        char text[64];
        snprintf(text, sizeof(text), "http://127.0.0.1:%s/emails", port);
        url = curl_url();
        if (!url || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
                die("curl_url");
        headers = curl_slist_append(NULL, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Authorization: Bearer re_bench");
        headers = curl_slist_append(headers, "Expect:");
        multi = curl_multi_init();
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, curl_socket);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, curl_timer);
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections);
}

static void event_take(const struct epoll_event *event, bool *frames)
{
        int fd = event->data.fd;
        if (fd == amqp_get_sockfd(broker))
                *frames = true;
        else if (fd == redis->fd)
                redis_read();
        else if (!wanted[fd])
                watch(fd, EPOLL_CTL_DEL, watched[fd] = 0);
        else
                curl_turn(fd, (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                      (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                                      (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
}

static void run(void)
{
        bool frames = true;
        for (;;) {
                struct epoll_event events[EVENTS];
                if (frames)
                        frames = broker_read();
                while (curl_wait_ms == 0) {
                        curl_wait_ms = -1;
                        curl_turn(CURL_SOCKET_TIMEOUT, 0);
                }
                redis_write();
                acks_write();
                if (count_max > 0 && ended >= count_max)
                        return;
                int count = epoll_wait(epoll_fd, events, EVENTS, frames ? 0 : (int)curl_wait_ms);
                if (count == 0 && curl_wait_ms > 0)
                        curl_wait_ms = 0;
                for (int i = 0; i < count; i++)
                        event_take(&events[i], &frames);
        }
}

int main(int argc, char **argv)
{
        static const char *const stages[] = {"consume", "json", "redis", "http"};
        if (argc != 8)
                die("usage: bench_floor consume|json|redis|http AMQPPORT QUEUE PREFETCH REDISPORT HTTPPORT "
                    "COUNT");
        while (stage < HTTP && strcmp(argv[1], stages[stage]) != 0)
                stage++;
        for (size_t i = 0; i < JOBS_MAX; i++)
                STAILQ_INSERT_TAIL(&idle, &jobs[i], link);
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        curl_global_init(CURL_GLOBAL_ALL);
        redis_open(atoi(argv[5]));
        mail_open(argv[6], atoi(argv[4]));
        broker_open(atoi(argv[2]), argv[3], atoi(argv[4]));
        count_max = strtoull(argv[7], NULL, 10);
        run();
        puts("done");
        fflush(stdout);
        pause(); /* a quorum queue may lose the last acks of a channel that is closed too early */
}
