#include "core/watch/last_words.h"
#include "core/codec/rfc3339.h"
#include "core/record/keys.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

static const struct {
        int number;
        const char *name;
} signals[] = {
        {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"},
        {SIGABRT, "SIGABRT"}, {SIGTRAP, "SIGTRAP"}, {SIGSYS, "SIGSYS"},
};
enum { SIGNAL_COUNT = sizeof(signals) / sizeof(*signals) };

const char *last_words_signal(int number)
{
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
                if (signals[i].number == number)
                        return signals[i].name;
        return NULL;
}

static int last_words_number_of(struct slice name)
{
        for (size_t i = 0; i < SIGNAL_COUNT; i++)
                if (slice_is(name, signals[i].name))
                        return signals[i].number;
        return 0;
}

/* Bytes that are added as long as there is room; not stdio, which may allocate. */
struct words {
        char *out;
        size_t size, len;
        bool full;
};

static void add_char(struct words *words, char c)
{
        if (words->len < words->size)
                words->out[words->len++] = c;
        else
                words->full = true;
}

static void last_words_add_text(struct words *words, const char *text)
{
        for (; *text; text++)
                add_char(words, *text);
}

static void last_words_add_number(struct words *words, uint64_t number)
{
        char digits[20];
        size_t count = 0;
        do
                digits[count++] = (char)('0' + number % 10);
        while ((number /= 10) > 0);
        while (count > 0)
                add_char(words, digits[--count]);
}

static size_t words_whole(const struct words *words)
{
        return words->full ? 0 : words->len;
}

/* `,"key":"value"`; what JSON would escape becomes a question mark. */
static void last_words_add_member(struct words *words, const char *key, const char *value)
{
        if (!value || !*value)
                return;
        last_words_add_text(words, ",\"");
        last_words_add_text(words, key);
        last_words_add_text(words, "\":\"");
        for (; *value; value++) {
                bool plain = *value >= ' ' && *value <= '~' && *value != '"' && *value != '\\';
                add_char(words, plain ? *value : '?');
        }
        add_char(words, '"');
}

size_t last_words_line(char *out, size_t size, const struct last_words *last)
{
        struct words words = {.out = out, .size = size};
        char time[RFC3339_SIZE];
        rfc3339_format(last->now_ms, time);
        last_words_add_text(&words, "{\"ts\":\"");
        last_words_add_text(&words, time);
        last_words_add_text(&words, "\",\"level\":\"error\"");
        last_words_add_member(&words, "msg", last->msg);
        last_words_add_member(&words, "event", last->event);
        last_words_add_member(&words, "worker", last->worker);
        if (last->job) {
                last_words_add_member(&words, "queue", last->job->queue);
                last_words_add_member(&words, "type", last->job->type);
                last_words_add_member(&words, "id", last->job->id);
        }
        last_words_add_member(&words, "error", last->signal);
        last_words_add_text(&words, "}\n");
        return words_whole(&words);
}

/* A bulk string of up to four parts. */
static void add_bulk(struct words *words, const char *a, const char *b, const char *c, const char *d)
{
        const char *const parts[] = {a, b, c, d};
        size_t len = 0;
        for (size_t i = 0; i < 4; i++)
                len += strlen(parts[i]);
        add_char(words, '$');
        last_words_add_number(words, len);
        last_words_add_text(words, "\r\n");
        for (size_t i = 0; i < 4; i++)
                last_words_add_text(words, parts[i]);
        last_words_add_text(words, "\r\n");
}

static void add_argument(struct words *words, const char *text)
{
        add_bulk(words, text, "", "", "");
}

static void words_add_key(struct words *words, const char *prefix, enum record_key kind, const char *name)
{
        struct record_key_parts parts = record_key_parts(kind);
        add_bulk(words, prefix, parts.before, name, parts.after);
}

/* The arguments of prelude.lua: owner, seven that killed.lua does not look at, worker, one more. */
size_t last_words_command(char *out, size_t size, const struct last_words *last, const char *prefix,
                          const char *sha)
{
        const struct last_words_job *job = last->job;
        struct words words = {.out = out, .size = size};
        if (!job || !job->id || !job->owner)
                return 0;
        last_words_add_text(&words, "*16\r\n");
        add_argument(&words, "EVALSHA");
        add_argument(&words, sha);
        add_argument(&words, "2");
        words_add_key(&words, prefix, KEY_JOB, job->id);
        words_add_key(&words, prefix, KEY_EVENTS, job->id);
        add_argument(&words, job->owner);
        for (int i = 2; i <= 8; i++)
                add_argument(&words, "");
        add_argument(&words, last->worker);
        add_argument(&words, "");
        add_argument(&words, last->signal);
        return words_whole(&words);
}

void last_words_error(char *out, size_t size, int64_t times, struct slice signal)
{
        snprintf(out, size, "killed its worker %" PRId64 " times, ", times);
        size_t len = strlen(out), room = size - len;
        char *rest = out + len;
        if (signal.len == 0)
                snprintf(rest, room, "signal unknown (killed from outside, or out of memory)");
        else if (slice_is(signal, LAST_WORDS_WATCHDOG))
                snprintf(rest, room, "last by the watchdog (time limit of the handler)");
        else if (last_words_number_of(signal))
                snprintf(rest, room, "last by signal %d (%.*s)", last_words_number_of(signal),
                         SLICE_PRINT(signal));
        else
                snprintf(rest, room, "last by %.*s", SLICE_PRINT(signal));
}
