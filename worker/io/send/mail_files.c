#include "io/send/mail_files.h"
#include "core/codec/sha256.h"
#include "core/memory/memory.h"
#include "core/send/send_outcome.h"
#include "io/machine/aside.h"
#include "io/machine/origin.h"
#include "io/send/send_curl.h"
#include "io/send/send_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

enum { FETCHES_MAX = 16, FETCH_TIMEOUT_MS = 30000, THREAD_AGAIN_MS = 1000 };

/* One file under way. */
struct file {
        const char *url, *origin, *sha256;
        int64_t size; /* 0: not known */
        size_t index; /* among the attachments of the mail */
        bool allow_private;
};

struct mail_fetch {
        TAILQ_ENTRY(mail_fetch) listed;
        struct mail_files *owner;
        mail_fetch_done *done;
        void *context;
        struct aside *aside;
        bool over;
        int64_t reserved; /* bytes of attachments.disk */

        /* The thread's while it runs. */
        struct arena arena;
        const char *dir;
        int64_t max_bytes;
        CURL *easy;
        struct file *list;
        size_t count;
        struct mail_file *files; /* of all attachments */
        size_t file_count;
        struct send_result result;

        /* Of the file under way. */
        struct send_guard guard;
        struct sha256 hash;
        int fd;
        int64_t len, len_max, total;
        int disk_error; /* errno */
};
TAILQ_HEAD(fetch_list, mail_fetch);

struct mail_files {
        uv_loop_t *loop;
        const struct config_attachments *config;
        struct fetch_list waiting, running;
        size_t running_count, kept_count;
        int64_t reserved;
        CURL *kept[FETCHES_MAX]; /* handles with their connections and certificates */
        uv_timer_t again;        /* when there was no thread for the first of those that wait */
        size_t refs;             /* fetches that are left, the timer, and that it is open */
        bool closed;
};

/* ---- what is asked before ---- */

bool mail_files_wanted(const struct mail *mail)
{
        for (const struct attachment *file = mail->attachments; file && file->name; file++)
                if (file->url)
                        return true;
        return false;
}

static bool url_is_listed(struct arena *arena, const struct config_attachments *config, const char *url,
                          struct file *file)
{
        struct origin origin;
        bool named_privately;
        if (origin_parse(arena, url, &origin) ||
            !origin_is_listed(arena, &origin, &config->allow, &named_privately))
                return false;
        file->origin = origin_text(arena, &origin);
        file->allow_private = named_privately || config->allow_private;
        return true;
}

const char *mail_files_refusal(struct arena *arena, const struct config_attachments *config,
                               const struct mail *mail)
{
        struct file file;
        int64_t known = 0;
        for (size_t i = 0; mail->attachments && mail->attachments[i].name; i++) {
                const struct attachment *attachment = &mail->attachments[i];
                if (!attachment->url)
                        continue;
                if (!url_is_listed(arena, config, attachment->url, &file))
                        return arena_printf(arena, "/attachments/%zu/url: not in attachments.allow", i);
                known += attachment->size;
                if (known > config->max_bytes)
                        return arena_printf(arena, "/attachments/%zu/size: over attachments.max", i);
        }
        return NULL;
}

/* ---- one file, on the thread ---- */

static bool file_read(const struct mail_file *file, int64_t at, char *out, size_t len)
{
        while (len > 0) {
                ssize_t got = pread(file->fd, out, len, at);
                if (got <= 0 && !(got < 0 && errno == EINTR))
                        return false;
                size_t taken = got > 0 ? (size_t)got : 0;
                out += taken;
                at += (int64_t)taken;
                len -= taken;
        }
        return true;
}

/* A file without a name: nothing is left of it once it is closed, however the process ends. */
static int file_open(const char *dir)
{
        int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
                return fd;
        char path[4096]; /* a file system that cannot */
        snprintf(path, sizeof(path), "%s/leveret-XXXXXX", dir);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
                unlink(path);
        return fd;
}

static bool bytes_write(struct mail_fetch *fetch, const char *bytes, size_t len)
{
        while (len > 0) {
                ssize_t wrote = write(fetch->fd, bytes, len);
                if (wrote < 0 && errno == EINTR)
                        continue;
                if (wrote < 0) {
                        fetch->disk_error = errno;
                        return false;
                }
                bytes += wrote;
                len -= (size_t)wrote;
        }
        return true;
}

/* The body of an error is nobody's file. */
static size_t body_take(char *data, size_t one, size_t len, void *context)
{
        struct mail_fetch *fetch = context;
        long status = 0;
        curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
        fetch->len += (int64_t)(len * one);
        if (status != 200 || fetch->len > fetch->len_max)
                return 0; /* ends the transfer */
        sha256_add(&fetch->hash, data, len * one);
        return bytes_write(fetch, data, len * one) ? len * one : 0;
}

static curl_socket_t files_socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
        struct mail_fetch *fetch = context;
        (void)purpose;
        if (!send_guard_allows(&fetch->guard, address))
                return CURL_SOCKET_BAD;
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static struct send_result end_of(enum send_outcome outcome, const struct file *file, const char *cause)
{
        struct send_result result = {.outcome = outcome, .retry_after_ms = -1};
        snprintf(result.error, sizeof(result.error), "attachment %zu from %.80s: %.120s", file->index,
                 file->origin, cause);
        return result;
}

static struct send_result mail_files_answer_judge(const struct file *file, long status)
{
        char cause[40];
        snprintf(cause, sizeof(cause), "HTTP status %ld", status);
        return end_of(status == 404 || status == 410 ? SEND_PERMANENT : SEND_TRANSIENT, file, cause);
}

static struct send_result file_judge(struct mail_fetch *fetch, const struct file *file, CURLcode code)
{
        char hex[SHA256_HEX_SIZE];
        long status = 0;
        curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
        if (fetch->disk_error)
                return end_of(SEND_TRANSIENT, file, strerror(fetch->disk_error));
        if (fetch->guard.blocked)
                return end_of(SEND_TRANSIENT, file, "leads to an address that is not public");
        if (status && status != 200)
                return mail_files_answer_judge(file, status);
        if (fetch->len > fetch->len_max)
                return end_of(SEND_PERMANENT, file,
                              file->size ? "larger than its size" : "larger than attachments.max allows");
        if (code != CURLE_OK)
                return end_of(SEND_TRANSIENT, file, curl_easy_strerror(code));
        if (file->size && fetch->len != file->size)
                return end_of(SEND_PERMANENT, file, "smaller than its size");
        sha256_final_hex(&fetch->hash, hex);
        if (strcasecmp(hex, file->sha256) != 0)
                return end_of(SEND_PERMANENT, file, "its sha256 is another");
        return (struct send_result){.outcome = SEND_DONE, .retry_after_ms = -1};
}

static void file_begin(struct mail_fetch *fetch, const struct file *file)
{
        int64_t left = fetch->max_bytes - fetch->total;
        fetch->guard = (struct send_guard){.allow_private = file->allow_private};
        fetch->len = 0;
        fetch->len_max = file->size && file->size < left ? file->size : left;
        fetch->disk_error = 0;
        sha256_init(&fetch->hash);
        SEND_CURL_SET(fetch->easy, CURLOPT_URL, file->url);
        SEND_CURL_SET(fetch->easy, CURLOPT_WRITEDATA, fetch);
        SEND_CURL_SET(fetch->easy, CURLOPT_OPENSOCKETDATA, fetch);
}

static struct send_result file_fetch(struct mail_fetch *fetch, const struct file *file)
{
        file_begin(fetch, file);
        fetch->fd = file_open(fetch->dir);
        if (fetch->fd < 0)
                return end_of(SEND_TRANSIENT, file, strerror(errno));
        fetch->files[file->index] = (struct mail_file){.read = file_read, .fd = fetch->fd};
        struct send_result result = file_judge(fetch, file, curl_easy_perform(fetch->easy));
        fetch->files[file->index].len = fetch->len;
        fetch->total += fetch->len;
        return result;
}

static void fetch_work(void *context)
{
        struct mail_fetch *fetch = context;
        fetch->result = (struct send_result){.outcome = SEND_DONE, .retry_after_ms = -1};
        for (size_t i = 0; i < fetch->count && fetch->result.outcome == SEND_DONE; i++)
                fetch->result = file_fetch(fetch, &fetch->list[i]);
}

/* ---- on the loop ---- */

static CURL *handle_take(struct mail_files *files)
{
        static const struct config_tls system_default;
        if (files->kept_count > 0)
                return files->kept[--files->kept_count];
        CURL *easy = send_curl_easy(&system_default, "http,https", FETCH_TIMEOUT_MS);
        SEND_CURL_SET(easy, CURLOPT_HTTPGET, 1L);
        SEND_CURL_SET(easy, CURLOPT_WRITEFUNCTION, body_take);
        SEND_CURL_SET(easy, CURLOPT_OPENSOCKETFUNCTION, files_socket_open);
        return easy;
}

static void handle_give(struct mail_files *files, CURL *easy)
{
        if (files->kept_count < FETCHES_MAX && !files->closed)
                files->kept[files->kept_count++] = easy;
        else
                curl_easy_cleanup(easy);
}

static void files_release(struct mail_files *files)
{
        if (--files->refs == 0)
                free(files);
}

static void fetch_close(struct mail_fetch *fetch)
{
        for (size_t i = 0; i < fetch->file_count; i++)
                if (fetch->files[i].read)
                        close(fetch->files[i].fd);
        arena_fini(&fetch->arena);
        free(fetch);
}

/* Abandoned while the thread ran: nobody else knows of it any more. */
static void fetch_drop(void *context)
{
        struct mail_fetch *fetch = context;
        curl_easy_cleanup(fetch->easy);
        fetch_close(fetch);
}

static void fetch_over(void *context);
static void files_on_again(uv_timer_t *timer);

static const struct aside_job fetch_job = {.work = fetch_work, .done = fetch_over, .drop = fetch_drop};

/* The oldest first: one that wants much room is not passed by those that want little. */
static void waiting_start(struct mail_files *files)
{
        struct mail_fetch *fetch;
        while ((fetch = TAILQ_FIRST(&files->waiting)) && files->running_count < FETCHES_MAX) {
                bool room = files->reserved + fetch->reserved <= files->config->disk_bytes;
                if (!room && files->reserved > 0)
                        return;
                fetch->easy = handle_take(files);
                fetch->aside = aside_start(files->loop, &fetch_job, fetch);
                if (!fetch->aside) {
                        handle_give(files, fetch->easy);
                        uv_timer_start(&files->again, files_on_again, THREAD_AGAIN_MS, 0);
                        return;
                }
                files->reserved += fetch->reserved;
                files->running_count++;
                TAILQ_REMOVE(&files->waiting, fetch, listed);
                TAILQ_INSERT_TAIL(&files->running, fetch, listed);
        }
}

static void files_on_again(uv_timer_t *timer)
{
        waiting_start(timer->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
        files_release(handle->data);
}

/* What the files need less than was reserved is given back. */
static void fetch_over(void *context)
{
        struct mail_fetch *fetch = context;
        struct mail_files *files = fetch->owner;
        fetch->over = true;
        TAILQ_REMOVE(&files->running, fetch, listed);
        files->running_count--;
        handle_give(files, fetch->easy);
        int64_t spare = fetch->reserved - fetch->total;
        files->reserved -= spare;
        fetch->reserved -= spare;
        waiting_start(files);
        fetch->done(fetch->context, &fetch->result);
}

static void files_take(struct mail_fetch *fetch, const struct mail *mail)
{
        int64_t known = 0;
        bool all_known = true;
        while (mail->attachments[fetch->file_count].name)
                fetch->file_count++;
        fetch->files = arena_alloc(&fetch->arena, fetch->file_count * sizeof(*fetch->files));
        fetch->list = arena_alloc(&fetch->arena, fetch->file_count * sizeof(*fetch->list));
        for (size_t i = 0; i < fetch->file_count; i++) {
                const struct attachment *from = &mail->attachments[i];
                if (!from->url)
                        continue;
                struct file *file = &fetch->list[fetch->count++];
                *file = (struct file){.url = arena_strdup(&fetch->arena, from->url),
                                      .origin = "",
                                      .sha256 = arena_strdup(&fetch->arena, from->sha256),
                                      .size = from->size,
                                      .index = i};
                url_is_listed(&fetch->arena, fetch->owner->config, from->url, file);
                known += from->size;
                all_known &= from->size > 0;
        }
        fetch->reserved = all_known ? known : fetch->max_bytes;
}

struct mail_fetch *mail_fetch_begin(struct mail_files *files, const struct mail *mail, mail_fetch_done *done,
                                    void *context)
{
        struct mail_fetch *fetch = memory_zeroed(1, sizeof(*fetch));
        arena_init(&fetch->arena);
        fetch->owner = files;
        fetch->done = done;
        fetch->context = context;
        fetch->max_bytes = files->config->max_bytes;
        fetch->dir = arena_strdup(&fetch->arena, files->config->dir);
        files_take(fetch, mail);
        files->refs++;
        TAILQ_INSERT_TAIL(&files->waiting, fetch, listed);
        waiting_start(files);
        return fetch;
}

const struct send_result *mail_fetch_result(const struct mail_fetch *fetch)
{
        return &fetch->result;
}

const struct mail_file *mail_fetch_files(const struct mail_fetch *fetch)
{
        return fetch->files;
}

void mail_fetch_free(struct mail_fetch *fetch)
{
        struct mail_files *files = fetch->owner;
        files->reserved -= fetch->reserved;
        fetch_close(fetch);
        if (!files->closed)
                waiting_start(files);
        files_release(files);
}

struct mail_files *mail_files_open(uv_loop_t *loop, const struct config_attachments *config)
{
        struct mail_files *files = memory_zeroed(1, sizeof(*files));
        files->loop = loop;
        files->config = config;
        files->refs = 2;
        uv_timer_init(loop, &files->again);
        files->again.data = files;
        TAILQ_INIT(&files->waiting);
        TAILQ_INIT(&files->running);
        return files;
}

void mail_files_close(struct mail_files *files)
{
        struct mail_fetch *fetch;
        files->closed = true;
        while ((fetch = TAILQ_FIRST(&files->running))) {
                TAILQ_REMOVE(&files->running, fetch, listed);
                fetch->done(fetch->context, NULL);
                files_release(files);
                aside_abandon(fetch->aside);
        }
        while ((fetch = TAILQ_FIRST(&files->waiting))) {
                TAILQ_REMOVE(&files->waiting, fetch, listed);
                fetch->done(fetch->context, NULL);
                files_release(files);
                fetch_close(fetch);
        }
        while (files->kept_count > 0)
                curl_easy_cleanup(files->kept[--files->kept_count]);
        uv_close((uv_handle_t *)&files->again, on_timer_closed);
        files_release(files);
}
