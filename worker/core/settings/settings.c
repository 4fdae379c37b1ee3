#include "core/settings/settings.h"

#include "core/text/suggest.h"

#include <ctype.h>
#include <string.h>

enum { PATH_MAX_BYTES = 256 };

static const char queue_prefix[] = "queues[";
static const char token_prefix[] = "serve.tokens[";
static const char schedule_prefix[] = "schedules[";
static const char handler_prefix[] = "handlers.";
static const char outlet_prefix[] = "outlets.";

/* What stands behind the name in "outlets.backup.http.url"; NULL if nothing does, or it is no such path. */
static const char *outlet_rest(const char *path)
{
        size_t len = sizeof(outlet_prefix) - 1;
        const char *dot = strncmp(path, outlet_prefix, len) == 0 ? strchr(path + len, '.') : NULL;
        return dot ? dot + 1 : NULL;
}

size_t setting_handler_type_len(const char *path, bool leaf)
{
        static const char *const sections[] = {".plan.tls", ".plan"};
        const char *dot = strrchr(path, '.');
        size_t len = leaf && dot ? (size_t)(dot - path) : strlen(path);
        for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
                size_t tail = strlen(sections[i]);
                if (len > tail && strncmp(path + len - tail, sections[i], tail) == 0)
                        return len - tail;
        }
        return len;
}

/*
 * The path as the table writes it: "queues[3].name" becomes "queues[].name"; a type may hold dots, so all
 * between "handlers." and the last word, or `plan` or `plan.tls` and that, becomes "*". An outlet has the
 * settings of mail. `leaf` says that the last word names a setting, not a section.
 */
static bool path_generalise(const char *path, bool leaf, char generic[PATH_MAX_BYTES])
{
        size_t len = strlen(path);
        const char *rest = path, *prefix = "";
        if (strncmp(path, queue_prefix, sizeof(queue_prefix) - 1) == 0) {
                rest = strchr(path, ']');
                prefix = "queues[";
        } else if (strncmp(path, token_prefix, sizeof(token_prefix) - 1) == 0) {
                rest = strchr(path, ']');
                prefix = token_prefix;
        } else if (strncmp(path, schedule_prefix, sizeof(schedule_prefix) - 1) == 0) {
                rest = strchr(path, ']');
                prefix = schedule_prefix;
        } else if (strncmp(path, handler_prefix, sizeof(handler_prefix) - 1) == 0) {
                const char *type = path + sizeof(handler_prefix) - 1;
                rest = type + setting_handler_type_len(type, leaf);
                prefix = "handlers.*";
        } else if (outlet_rest(path)) {
                rest = outlet_rest(path);
                prefix = "mail.";
        }
        if (!rest || len + 3 > PATH_MAX_BYTES)
                return false;
        size_t prefix_len = strlen(prefix);
        memcpy(generic, prefix, prefix_len);
        memcpy(generic + prefix_len, rest, strlen(rest) + 1);
        return true;
}

/* Of the settings that `outlets.*` alone has, not mail, the one of that name, or the first of the section. */
static const struct setting *find_of_outlets(const char *rest, bool section)
{
        size_t len = strlen(rest);
        for (size_t i = 0; i < setting_count; i++)
                if (strncmp(settings[i].name, "outlets.*.", 10) == 0 &&
                    strncmp(settings[i].name + 10, rest, len) == 0 &&
                    settings[i].name[10 + len] == (section ? '.' : '\0'))
                        return &settings[i];
        return NULL;
}

bool setting_hides_password(const struct setting *setting)
{
        return setting->kind == SETTING_URL && strcmp(setting->name, "alerts.webhook") != 0;
}

const struct setting *setting_find(const char *path)
{
        char generic[PATH_MAX_BYTES];
        const char *rest = outlet_rest(path);
        const struct setting *own = rest ? find_of_outlets(rest, /* section = */ false) : NULL;
        if (own || !path_generalise(path, true, generic))
                return own;
        for (size_t i = 0; i < setting_count; i++)
                if (strcmp(settings[i].name, generic) == 0)
                        return rest && settings[i].scope != SETTING_OF_OUTLET ? NULL : &settings[i];
        return NULL;
}

bool setting_is_section(const char *path)
{
        char generic[PATH_MAX_BYTES];
        const char *rest = outlet_rest(path);
        if (rest && find_of_outlets(rest, /* section = */ true))
                return true;
        if (!path_generalise(path, false, generic))
                return false;
        size_t len = strlen(generic);
        for (size_t i = 0; i < setting_count; i++)
                if (strncmp(settings[i].name, generic, len) == 0 && settings[i].name[len] == '.')
                        return true;
        bool outlet = strncmp(path, outlet_prefix, sizeof(outlet_prefix) - 1) == 0 && !rest;
        return outlet || strcmp(generic, "handlers") == 0;
}

/* Offers what stands in `name` after the first `level_len` bytes, up to the next dot or list bracket. */
static const char *level_word(struct arena *arena, const char *name, size_t level_len)
{
        return arena_copy(arena, name + level_len, strcspn(name + level_len, ".["));
}

/* The only setting anywhere whose last word is this, or NULL. */
static const char *setting_elsewhere(const char *word)
{
        const char *found = NULL;
        for (size_t i = 0; i < setting_count; i++) {
                const char *dot = strrchr(settings[i].name, '.');
                if (strcmp(dot ? dot + 1 : settings[i].name, word) != 0)
                        continue;
                if (found)
                        return NULL;
                found = settings[i].name;
        }
        return found;
}

const char *setting_suggest(struct arena *arena, const char *path)
{
        char generic[PATH_MAX_BYTES];
        if (!path_generalise(path, true, generic))
                return NULL;
        const char *dot = strrchr(generic, '.');
        size_t level_len = dot ? (size_t)(dot - generic) + 1 : 0;
        struct suggest suggest = {.word = generic + level_len, .limit = suggest_limit(generic + level_len)};
        for (size_t i = 0; i < setting_count; i++)
                if (strncmp(settings[i].name, generic, level_len) == 0)
                        suggest_offer(&suggest, level_word(arena, settings[i].name, level_len));
        if (!suggest.best)
                return setting_elsewhere(generic + level_len);
        const char *own_dot = strrchr(path, '.');
        int own_len = own_dot ? (int)(own_dot - path) + 1 : 0;
        return arena_printf(arena, "%.*s%s", own_len, path, suggest.best);
}

const char *setting_variable(struct arena *arena, const struct setting *setting, const char *path)
{
        const char *name = path ? path : setting->name;
        bool of_list = setting->scope == SETTING_OF_QUEUE || setting->scope == SETTING_OF_HANDLER ||
                       setting->scope == SETTING_OF_SCHEDULE ||
                       (setting->scope == SETTING_OF_TOKEN && (!setting->secret || !path));
        if (of_list || strchr(name, '*'))
                return NULL;
        char *variable = arena_printf(arena, "LEVERET_%s", name), *end = variable;
        for (const char *at = variable; *at; at++)
                if (*at != ']')
                        *end++ = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
        *end = '\0';
        return variable;
}

static void assign_default(const struct setting *setting, void *base, struct arena *arena)
{
        const char *values[CONFIG_BINDINGS_MAX];
        size_t count = 0;
        bool list = setting->kind == SETTING_TEXTS || setting->kind == SETTING_DURATIONS;
        char *at = arena_strdup(arena, setting->fallback);
        while (at && count < CONFIG_BINDINGS_MAX) {
                char *comma = list ? strchr(at, ',') : NULL;
                if (comma)
                        *comma = '\0';
                values[count++] = at;
                at = comma ? comma + 1 : NULL;
        }
        char error[SETTING_ERROR_MAX];
        if (count > 0 && !setting_assign(setting, base, (struct setting_texts){values, count}, arena, error))
                __builtin_trap(); /* the table's own default is not valid: a bug that every test finds */
}

static void scope_defaults(enum setting_scope scope, void *base, struct arena *arena)
{
        for (size_t i = 0; i < setting_count; i++)
                if (settings[i].scope == scope)
                        assign_default(&settings[i], base, arena);
}

void settings_queue_defaults(struct config_queue *queue, struct arena *arena)
{
        *queue = (struct config_queue){0};
        scope_defaults(SETTING_OF_QUEUE, queue, arena);
        queue->bindings_written = false;
}

void settings_handler_defaults(struct config_handler *handler, struct arena *arena)
{
        *handler = (struct config_handler){0};
        scope_defaults(SETTING_OF_HANDLER, handler, arena);
}

void settings_token_defaults(struct config_token *token, struct arena *arena)
{
        *token = (struct config_token){0};
        scope_defaults(SETTING_OF_TOKEN, token, arena);
}

void settings_schedule_defaults(struct config_schedule *schedule, struct arena *arena)
{
        *schedule = (struct config_schedule){0};
        scope_defaults(SETTING_OF_SCHEDULE, schedule, arena);
}

void settings_outlet_defaults(struct config_outlet *outlet, const char *name, struct arena *arena)
{
        *outlet = (struct config_outlet){.name = name};
        scope_defaults(SETTING_OF_OUTLET, outlet, arena);
}

void settings_defaults(struct config *config, struct arena *arena)
{
        memset(config, 0, sizeof(*config));
        scope_defaults(SETTING_OF_WORKER, config, arena);
        settings_outlet_defaults(&config->mail, "mail", arena);
        settings_queue_defaults(&config->queues[0], arena);
        config->queues[0].name = setting_find("queues[0].name")->shown;
        config->queue_count = 1;
}
