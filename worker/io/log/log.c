#include "io/log/log.h"

#include "core/address/mask.h"
#include "core/codec/rfc3339.h"
#include "core/memory/memory.h"
#include "core/settings/settings.h"
#include "core/text/buffer.h"
#include "core/trace/otlp_pairs.h"
#include "io/log/log_output.h"
#include "io/log/log_repeats.h"
#include "io/machine/clock.h"
#include "io/machine/url.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A pipe that can be written to at all takes PIPE_BUF bytes at once (pipe(7)). */
enum { SECRETS_MAX = 64, SECRET_MIN = 4, WORKER_MAX = 64, BATCH_MAX = PIPE_BUF };

static const char *const level_words[] = {"debug", "info", "warn", "error"};

/* The one log of the process. `level`, `dropped` and `suppressed` are read without the lock. */
static struct {
        _Atomic int level;
        _Atomic uint64_t dropped, suppressed;
        pthread_mutex_t lock; /* guards all below */
        bool opened, text;
        struct log_output output;
        int64_t (*now_ms)(void);
        char worker[WORKER_MAX];
        struct slice secrets[SECRETS_MAX];
        size_t secret_count;
        struct log_repeats repeats;
        uint64_t dropped_told;
        struct buffer line;
        bool batching;
        struct buffer batch; /* whole lines that wait for log_flush, at most BATCH_MAX bytes */
        uint64_t batched;    /* how many */
        time_t head_s;       /* the second that `head` spells out */
        char head[32];
} state = {.level = LOG_LEVEL_INFO, .lock = PTHREAD_MUTEX_INITIALIZER};

static void flush_locked(void)
{
        if (state.batched && !log_output_write(&state.output, state.batch.data, state.batch.len))
                atomic_fetch_add(&state.dropped, state.batched);
        buffer_clear(&state.batch);
        state.batched = 0;
}

static void open_locked(const struct log_options *options)
{
        if (state.opened) {
                flush_locked();
                log_output_close(&state.output);
        }
        log_output_open(&state.output, options->fd);
        state.text = options->format == LOG_FORMAT_TEXT ||
                     (options->format == LOG_FORMAT_AUTO && isatty(options->fd) == 1);
        state.now_ms = options->now_ms ? options->now_ms : clock_boot_ms;
        atomic_store(&state.level, (int)options->level);
        state.opened = true;
}

void log_open_with(const struct log_options *options)
{
        pthread_mutex_lock(&state.lock);
        open_locked(options);
        pthread_mutex_unlock(&state.lock);
}

void log_open(const struct config *config)
{
        log_redact_config(config);
        log_open_with(&(struct log_options){
                .fd = STDERR_FILENO, .level = config->log.level, .format = config->log.format});
}

void log_worker(const char *worker)
{
        pthread_mutex_lock(&state.lock);
        snprintf(state.worker, sizeof(state.worker), "%s", worker);
        pthread_mutex_unlock(&state.lock);
}

static bool log_is_known(struct slice secret)
{
        for (size_t i = 0; i < state.secret_count; i++)
                if (slice_equal(state.secrets[i], secret))
                        return true;
        return false;
}

/* Forgets the `count` oldest. */
static void secrets_forget(size_t count)
{
        for (size_t i = 0; i < count; i++) {
                char *data = (char *)(uintptr_t)state.secrets[i].data;
                explicit_bzero(data, state.secrets[i].len);
                free(data);
        }
        state.secret_count -= count;
        memmove(state.secrets, state.secrets + count, state.secret_count * sizeof(*state.secrets));
}

void log_redact(const char *secret)
{
        size_t len = secret ? strlen(secret) : 0;
        if (len < SECRET_MIN)
                return;
        pthread_mutex_lock(&state.lock);
        if (!log_is_known((struct slice){.data = secret, .len = len})) {
                char *copy = memory_text(secret);
                if (state.secret_count == SECRETS_MAX)
                        secrets_forget(1);
                state.secrets[state.secret_count++] = (struct slice){.data = copy, .len = len};
        }
        pthread_mutex_unlock(&state.lock);
}

/* The password of a URL, as written and decoded: libraries show either. */
static void redact_password(const char *text)
{
        struct arena arena;
        struct url url;
        const char *nodes[URL_NODES_MAX]; /* alike in their password */
        arena_init(&arena);
        if (url_split(&arena, text, nodes) > 0 && url_parse(&arena, nodes[0], &url) && url.password) {
                log_redact(url.password);
                const char *authority = strstr(text, "://");
                const char *at = authority ? strchr(authority + 3, '@') : NULL;
                const char *colon = at ? memchr(authority + 3, ':', (size_t)(at - authority) - 3) : NULL;
                if (colon)
                        log_redact(arena_copy(&arena, colon + 1, (size_t)(at - colon) - 1));
        }
        arena_fini(&arena);
}

/* The values of a list of names and values; of `Bearer KEY` the key by itself too. */
static void redact_pairs(const struct setting_visit *visit)
{
        struct arena arena;
        struct config_texts texts = {0}, pairs = {0};
        size_t bad;
        const char *base = visit->base;
        memcpy(&texts.count, base + visit->setting->count_offset, sizeof(texts.count));
        memcpy(texts.list, base + visit->setting->offset, texts.count * sizeof(*texts.list));
        arena_init(&arena);
        otlp_pairs(&arena, &texts, &pairs, &bad);
        for (size_t i = 0; i < pairs.count; i++) {
                const char *value = strchr(pairs.list[i], '\n') + 1, *space = strchr(value, ' ');
                log_redact(value);
                log_redact(space ? space + 1 : NULL);
        }
        arena_fini(&arena);
}

static void redact_visit(void *context, const struct setting_visit *visit)
{
        const struct setting *setting = visit->setting;
        const char *text;
        (void)context;
        if (setting->secret && setting->kind == SETTING_TEXTS)
                redact_pairs(visit);
        if (!setting->secret || setting->kind == SETTING_TEXTS)
                return;
        memcpy(&text, (const char *)visit->base + setting->offset, sizeof(text));
        if (!text || (setting->fallback && strcmp(text, setting->fallback) == 0))
                return;
        if (setting_hides_password(setting))
                redact_password(text);
        else
                log_redact(text);
}

void log_redact_config(const struct config *config)
{
        settings_visit(config, redact_visit, NULL);
}

size_t log_mask(char *out, size_t size, struct slice text)
{
        pthread_mutex_lock(&state.lock);
        struct mask mask = {.secrets = state.secrets, .count = state.secret_count};
        size_t len = mask_text(out, size, text, mask);
        pthread_mutex_unlock(&state.lock);
        return len;
}

bool log_enabled(enum log_level level)
{
        return (int)level >= atomic_load_explicit(&state.level, memory_order_relaxed);
}

static void log_add_key(const char *key)
{
        buffer_add_text(&state.line, state.text ? " " : ",\"");
        buffer_add_text(&state.line, key);
        buffer_add_text(&state.line, state.text ? "=" : "\":");
}

/* Adds ` key=value` or `,"key":"value"`, masked and bounded; nothing if it is unset or the line is full. */
static void log_add_text(const char *key, struct slice value)
{
        char masked[LOG_VALUE_MAX + 1];
        struct mask mask = {.secrets = state.secrets, .count = state.secret_count};
        if (!value.data)
                return;
        size_t before = state.line.len;
        size_t len = mask_text(masked, sizeof(masked), value, mask);
        log_add_key(key);
        buffer_add_json_string(&state.line, (struct slice){.data = masked, .len = len});
        if (state.line.len > LOG_LINE_MAX - 64) { /* room for the rest of the line's frame */
                state.line.len = before;
                state.line.data[before] = '\0';
        }
}

static void log_add_number(const char *key, int64_t value)
{
        if (state.line.len > LOG_LINE_MAX - 128)
                return;
        log_add_key(key);
        buffer_add_integer(&state.line, value);
}

/* RFC 3339 in UTC with milliseconds. */
static void log_add_head(enum log_level level)
{
        int64_t now_ms = clock_wall_ms();
        time_t now_s = (time_t)(now_ms / 1000);
        int ms = (int)(now_ms % 1000);
        char fraction[] = {
                '.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z', '\0'};
        if (now_s != state.head_s) {
                struct tm utc;
                gmtime_r(&now_s, &utc);
                strftime(state.head, sizeof(state.head), "%Y-%m-%dT%H:%M:%S", &utc);
                state.head_s = now_s;
        }
        buffer_add_text(&state.line, state.text ? "" : "{\"ts\":\"");
        buffer_add_text(&state.line, state.head);
        buffer_add_text(&state.line, fraction);
        if (state.text) {
                buffer_printf(&state.line, " %-5s", level_words[level]);
                return;
        }
        buffer_add_text(&state.line, "\",\"level\":\"");
        buffer_add_text(&state.line, level_words[level]);
        buffer_add_char(&state.line, '"');
}

/* Whatever is worth an operator's attention does not wait for the end of the turn. */
static void line_out(enum log_level level)
{
        if (state.batch.len + state.line.len > BATCH_MAX)
                flush_locked();
        if (state.line.len > BATCH_MAX) {
                if (!log_output_write(&state.output, state.line.data, state.line.len))
                        atomic_fetch_add(&state.dropped, 1);
                return;
        }
        buffer_add(&state.batch, state.line.data, state.line.len);
        state.batched++;
        if (!state.batching || level >= LOG_LEVEL_WARN)
                flush_locked();
}

static void log_line_write(enum log_level level, const struct log_fields *fields, uint64_t repeated)
{
        buffer_clear(&state.line);
        log_add_head(level);
        log_add_text("msg", slice_of(fields->msg));
        log_add_text("event", slice_of(fields->event));
        log_add_text("worker", slice_of(state.worker[0] ? state.worker : NULL));
        log_add_text("queue", slice_of(fields->queue));
        log_add_text("outlet", slice_of(fields->outlet));
        log_add_text("type", fields->type);
        log_add_text("id", fields->id);
        log_add_text("correlation_id", fields->correlation_id);
        log_add_text("app_id", fields->app_id);
        log_add_text("message_id", fields->message_id);
        log_add_text("subject", fields->subject);
        if (fields->has_attempt)
                log_add_number("attempt", fields->attempt);
        log_add_text("outcome", slice_of(fields->outcome));
        log_add_text("reason", slice_of(fields->reason));
        if (fields->has_duration)
                log_add_number("duration_ms", fields->duration_ms);
        log_add_text("error", slice_of(fields->error));
        log_add_text("trace_id", fields->trace_id);
        if (repeated)
                log_add_number("repeated", (int64_t)repeated);
        buffer_add_text(&state.line, state.text ? "\n" : "}\n");
        line_out(level);
}

/* Tells what was held back, and once there is room again what was lost. */
static void tell_gaps(int64_t now_ms)
{
        struct log_repeat over;
        while (log_repeats_take(&state.repeats, now_ms, &over)) {
                struct log_fields fields = {
                        .event = over.event, .error = over.error, .msg = "the same again, held back"};
                log_line_write(over.level, &fields, over.count - LOG_REPEAT_LIMIT);
        }
        if (atomic_load(&state.dropped) == state.dropped_told)
                return;
        flush_locked();
        uint64_t dropped = atomic_load(&state.dropped);
        log_line_write(LOG_LEVEL_WARN,
                       &(struct log_fields){.event = "log_dropped",
                                            .msg = "lines were lost: the log could not be written"},
                       dropped - state.dropped_told);
        if (atomic_load(&state.dropped) == dropped)
                state.dropped_told = dropped;
        else /* the line about lost lines is not one of them */
                atomic_store(&state.dropped, dropped);
}

void log_event(enum log_level level, const struct log_fields *fields)
{
        if (!log_enabled(level))
                return;
        pthread_mutex_lock(&state.lock);
        if (!state.opened)
                open_locked(&(struct log_options){.fd = STDERR_FILENO,
                                                  .level = (enum log_level)atomic_load(&state.level)});
        int64_t now_ms = state.now_ms();
        tell_gaps(now_ms);
        if (fields->error && !log_repeats_count(&state.repeats, level, fields->event, fields->error, now_ms))
                atomic_fetch_add(&state.suppressed, 1);
        else
                log_line_write(level, fields, 0);
        pthread_mutex_unlock(&state.lock);
}

void log_tick(void)
{
        pthread_mutex_lock(&state.lock);
        if (state.opened)
                tell_gaps(state.now_ms());
        pthread_mutex_unlock(&state.lock);
}

void log_batch(bool batching)
{
        pthread_mutex_lock(&state.lock);
        state.batching = batching;
        flush_locked();
        pthread_mutex_unlock(&state.lock);
}

/* Takes no memory and waits for no lock, which this very thread may hold. */
void log_out_of_memory(void)
{
        char at[RFC3339_SIZE], line[256];
        rfc3339_format(clock_wall_ms(), at);
        if (pthread_mutex_trylock(&state.lock) == 0)
                flush_locked();
        snprintf(line, sizeof(line),
                 state.text ? "%s error \"%s\" event=out_of_memory\n"
                            : "{\"ts\":\"%s\",\"level\":\"error\",\"msg\":\"%s\",\"event\":"
                              "\"out_of_memory\"}\n",
                 at, "out of memory: ending; what was under way is delivered again");
        struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
        if (poll(&ready, 1, 0) == 1 && write(STDERR_FILENO, line, strlen(line)) < 0)
                return;
}

void log_flush(void)
{
        pthread_mutex_lock(&state.lock);
        flush_locked();
        pthread_mutex_unlock(&state.lock);
}

void log_close(void)
{
        pthread_mutex_lock(&state.lock);
        if (state.opened) {
                tell_gaps(INT64_MAX);
                flush_locked();
                log_output_close(&state.output);
        }
        secrets_forget(state.secret_count);
        buffer_fini(&state.line);
        buffer_fini(&state.batch);
        state.batching = false;
        state.worker[0] = '\0';
        state.repeats = (struct log_repeats){0};
        state.dropped_told = atomic_load(&state.dropped);
        state.opened = false;
        pthread_mutex_unlock(&state.lock);
}

uint64_t log_dropped(void)
{
        return atomic_load(&state.dropped);
}

uint64_t log_suppressed(void)
{
        return atomic_load(&state.suppressed);
}
