#include "core/address/address.h"
#include "core/address/mailbox.h"
#include "core/settings/settings.h"
#include "core/text/units.h"
#include "core/text/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ECHO_MAX = 40 };

/* Fills `error` with what was expected and, unless it is or may be a secret, what was found. */
static bool setting_value_refuse(const struct setting *setting, const char *expected, const char *found,
                                 char *error)
{
        size_t len = strlen(found);
        if (setting->secret || setting->kind >= SETTING_TEXT) {
                snprintf(error, SETTING_ERROR_MAX, "expected %s", expected);
                return false;
        }
        struct buffer quoted = {0};
        buffer_add_json_string(&quoted,
                               (struct slice){.data = found, .len = utf8_prefix(found, len, ECHO_MAX)});
        snprintf(error, SETTING_ERROR_MAX, "expected %s, got %s", expected, quoted.data);
        buffer_fini(&quoted);
        return false;
}

static void number_add(struct buffer *out, const struct setting *setting, int64_t value)
{
        if (setting->kind == SETTING_DURATION || setting->kind == SETTING_DURATIONS)
                duration_add(out, value);
        else if (setting->kind == SETTING_SIZE)
                size_add(out, value);
        else
                buffer_printf(out, "%" PRId64, value);
}

static bool check_range(const struct setting *setting, int64_t value, const char *text, char *error)
{
        if (value >= setting->min && value <= setting->max)
                return true;
        struct buffer range = {0};
        number_add(&range, setting, setting->min);
        buffer_add_text(&range, " to ");
        number_add(&range, setting, setting->max);
        setting_value_refuse(setting, range.data, text, error);
        buffer_fini(&range);
        return false;
}

static bool assign_number(const struct setting *setting, const char *text, int64_t *value, char *error)
{
        int64_t number = 0;
        if (setting->kind == SETTING_INTEGER && !integer_parse(text, &number))
                return setting_value_refuse(setting, "a whole number", text, error);
        if (setting->kind == SETTING_SIZE && !size_parse(text, &number))
                return setting_value_refuse(setting, "a size such as 64KiB (B, KiB, MiB, GiB)", text, error);
        bool duration = setting->kind == SETTING_DURATION || setting->kind == SETTING_DURATIONS;
        if (duration && !duration_parse(text, &number))
                return setting_value_refuse(setting, "a duration such as 30s (ms, s, m, h, d)", text, error);
        if (!check_range(setting, number, text, error))
                return false;
        *value = number;
        return true;
}

static bool assign_rate(const struct setting *setting, const char *text, double *value, char *error)
{
        double rate;
        if (!rate_parse(text, &rate) || rate > (double)setting->max)
                return setting_value_refuse(setting, "a rate such as 100/s (/s, /m, /h) or 0", text, error);
        *value = rate;
        return true;
}

static bool assign_word(const struct setting *setting, const char *text, void *value, char *error)
{
        struct buffer expected = {0};
        for (int i = 0; setting->words[i]; i++) {
                if (strcmp(setting->words[i], text) == 0) {
                        memcpy(value, &i, sizeof(i));
                        buffer_fini(&expected);
                        return true;
                }
                if (i)
                        buffer_add_text(&expected, setting->words[i + 1] ? ", " : " or ");
                buffer_add_text(&expected, setting->words[i]);
        }
        setting_value_refuse(setting, expected.data, text, error);
        buffer_fini(&expected);
        return false;
}

static bool url_has_scheme(const char *text, const char *const *schemes)
{
        for (; *schemes; schemes++) {
                size_t len = strlen(*schemes);
                if (strncmp(text, *schemes, len) == 0 && strncmp(text + len, "://", 3) == 0)
                        return true;
        }
        return false;
}

/* `127.0.0.1:9464`, `[::1]:9464`: the port is what follows the last colon. */
static bool listen_valid(const char *text)
{
        const char *colon = strrchr(text, ':');
        int64_t port;
        if (strcmp(text, "off") == 0)
                return true;
        if (!colon || colon == text || !integer_parse(colon + 1, &port) || port < 0 || port > 65535)
                return false;
        bool bracketed = text[0] == '[' && colon[-1] == ']';
        return bracketed || strchr(text, ':') == colon;
}

static bool text_plain(const char *text)
{
        for (const unsigned char *at = (const unsigned char *)text; *at; at++)
                if (*at < 0x20 || *at == 0x7f)
                        return false;
        return utf8_valid(text, strlen(text));
}

/* The mistake of who made a secret of Kubernetes with echo. */
static bool text_ends_in_newline(const char *text)
{
        size_t len = strlen(text);
        return len > 0 && text[len - 1] == '\n';
}

/* What a text of that kind should have been; NULL if it is. */
static const char *text_fault(const struct setting *setting, const char *text)
{
        struct mailbox mailbox;
        if (!text_plain(text))
                return text_ends_in_newline(text) ? "no newline at its end"
                                                  : "UTF-8 text without control characters";
        switch (setting->kind) {
        case SETTING_URL:
                if (!url_has_scheme(text, setting->words))
                        return "a URL that begins with its scheme";
                return strchr(text, ' ') ? "a URL without spaces" : NULL;
        case SETTING_MAILBOX:
                return mailbox_parse(&mailbox, text) ? "a mailbox such as Shop <shop@example.com>" : NULL;
        case SETTING_ADDRESS:
                return address_valid(text, strlen(text)) ? NULL : "an e-mail address";
        case SETTING_LISTEN:
                return listen_valid(text) ? NULL : "host:port or off";
        case SETTING_TEXT:
        case SETTING_PATH:
        case SETTING_TEXTS:
        case SETTING_DURATION:
        case SETTING_SIZE:
        case SETTING_INTEGER:
        case SETTING_RATE:
        case SETTING_BOOLEAN:
        case SETTING_WORD:
        case SETTING_DURATIONS:
                return NULL;
        }
        return NULL;
}

/* What each half of a pair must be; NULL if it is. */
static const char *pair_fault(const struct setting *setting, const char *text, struct arena *arena)
{
        const char *end = setting->pairs ? strchr(text, '\n') : NULL;
        if (!end)
                return text_fault(setting, text);
        const char *left = arena_copy(arena, text, (size_t)(end - text));
        const char *fault = left[0] && end[1] ? text_fault(setting, left) : "two texts that are not empty";
        return fault ? fault : text_fault(setting, end + 1);
}

static bool assign_text(const struct setting *setting, const char *text, const char **value,
                        struct arena *arena, char *error)
{
        const char *fault = text[0] ? pair_fault(setting, text, arena) : NULL;
        char bound[40];
        if (!fault && setting->kind == SETTING_TEXT && setting->max > 0 &&
            strlen(text) > (size_t)setting->max) {
                snprintf(bound, sizeof(bound), "at most %" PRId64 " bytes", setting->max);
                fault = bound;
        }
        if (!text[0] && setting->fallback)
                fault = "a value that is not empty";
        if (fault && setting->kind == SETTING_URL && text_plain(text)) {
                snprintf(error, SETTING_ERROR_MAX, "expected %s: %s:// or %s://", fault, setting->words[0],
                         setting->words[1]);
                return false;
        }
        if (fault)
                return setting_value_refuse(setting, fault, text, error);
        *value = text[0] ? arena_strdup(arena, text) : NULL;
        return true;
}

static bool assign_texts(const struct setting *setting, char *base, struct setting_texts texts,
                         struct arena *arena, char *error)
{
        size_t min = (size_t)setting->min, max = setting->max ? (size_t)setting->max : CONFIG_TEXTS_MAX;
        const char **list = (const char **)(void *)(base + setting->offset);
        if (texts.count < min || texts.count > max) {
                snprintf(error, SETTING_ERROR_MAX, "expected a list of %zu to %zu values", min, max);
                return false;
        }
        for (size_t i = 0; i < texts.count; i++)
                if (!assign_text(setting, texts.list[i], &list[i], arena, error))
                        return false;
        memcpy(base + setting->count_offset, &texts.count, sizeof(texts.count));
        if (setting->written_offset)
                *(bool *)(base + setting->written_offset) = true;
        return true;
}

static bool assign_durations(const struct setting *setting, struct config_queue *queue,
                             struct setting_texts texts, struct arena *arena, char *error)
{
        if (texts.count == 0 || texts.count > CONFIG_TIERS_MAX) {
                snprintf(error, SETTING_ERROR_MAX, "expected a list of 1 to %d durations", CONFIG_TIERS_MAX);
                return false;
        }
        for (size_t i = 0; i < texts.count; i++) {
                if (!assign_number(setting, texts.list[i], &queue->tiers_ms[i], error))
                        return false;
                queue->tiers[i] = arena_strdup(arena, texts.list[i]);
        }
        queue->tier_count = texts.count;
        return true;
}

static bool assign_one(const struct setting *setting, char *at, const char *text, struct arena *arena,
                       char *error)
{
        switch (setting->kind) {
        case SETTING_DURATION:
        case SETTING_SIZE:
        case SETTING_INTEGER:
                return assign_number(setting, text, (int64_t *)(void *)at, error);
        case SETTING_RATE:
                return assign_rate(setting, text, (double *)(void *)at, error);
        case SETTING_BOOLEAN:
                return boolean_parse(text, (bool *)at) ||
                       setting_value_refuse(setting, "true or false", text, error);
        case SETTING_WORD:
                return assign_word(setting, text, at, error);
        case SETTING_TEXT:
        case SETTING_URL:
        case SETTING_PATH:
        case SETTING_MAILBOX:
        case SETTING_ADDRESS:
        case SETTING_LISTEN:
        case SETTING_TEXTS:
        case SETTING_DURATIONS:
                return assign_text(setting, text, (const char **)(void *)at, arena, error);
        }
        return false;
}

bool setting_assign(const struct setting *setting, void *base, struct setting_texts texts,
                    struct arena *arena, char error[SETTING_ERROR_MAX])
{
        if (setting->kind == SETTING_TEXTS)
                return assign_texts(setting, base, texts, arena, error);
        if (setting->kind == SETTING_DURATIONS)
                return assign_durations(setting, base, texts, arena, error);
        if (texts.count != 1) {
                snprintf(error, SETTING_ERROR_MAX, "expected one value, not a list");
                return false;
        }
        char *bytes = base;
        if (!assign_one(setting, bytes + setting->offset, texts.list[0], arena, error))
                return false;
        if (setting->has_offset)
                *(bool *)(bytes + setting->has_offset) = true;
        return true;
}
