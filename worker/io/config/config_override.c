#include "core/text/suggest.h"
#include "core/text/utf8.h"
#include "io/config/config_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_FILE_MAX = 16384, LABEL_MAX = 64 };

/* Editors of Windows begin a text with a byte order mark, which is no part of it. */
static size_t mark_cut(char *text, size_t len)
{
        size_t mark = utf8_mark_len(text, len);
        memmove(text, text + mark, len - mark);
        return len - mark;
}

ssize_t loader_read_file(const char *path, char *out, size_t max, struct stat *status)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -1;
        size_t len = 0;
        ssize_t got = fstat(fd, status);
        if (got == 0 && S_ISDIR(status->st_mode)) {
                errno = EISDIR;
                got = -1;
        }
        while (got >= 0 && len <= max && (got = read(fd, out + len, max + 1 - len)) > 0)
                len += (size_t)got;
        int cause = errno;
        close(fd);
        errno = cause;
        if (got < 0)
                return -1;
        return (ssize_t)(len > max ? len : mark_cut(out, len));
}

/* The content of a secret's file without the newline at its end; NULL after a complaint, which does not show
 * the path: it may be the secret itself, put there by mistake. */
static const char *secret_read(struct loader *loader, const char *variable, const char *path)
{
        struct stat status;
        char *text = arena_alloc(&loader->scratch, SECRET_FILE_MAX + 2);
        ssize_t len = loader_read_file(path, text, SECRET_FILE_MAX, &status);
        const char *error = NULL;
        if (len < 0)
                error = arena_printf(&loader->scratch, "cannot read: %s", strerror(errno));
        else if (len > SECRET_FILE_MAX)
                error = "the file is larger than 16 KiB";
        else if (memchr(text, '\0', (size_t)len))
                error = "the file holds a NUL character";
        if (!error) {
                text[len] = '\0';
                if (len > 0 && text[len - 1] == '\n')
                        text[--len] = '\0';
                if (len > 0 && text[len - 1] == '\r')
                        text[--len] = '\0';
                error = len == 0 ? "the file is empty" : NULL;
        }
        if (error)
                loader_complain(loader, variable, NULL, error);
        return error ? NULL : text;
}

static void variable_apply(struct loader *loader, const struct setting *setting, const char *name)
{
        const char *variable = setting_variable(&loader->scratch, setting, name);
        if (!variable || !loader_wants(loader, name ? name : setting->name))
                return;
        const char *value = loader_variable(loader, variable);
        const char *file_variable = arena_printf(&loader->scratch, "%s_FILE", variable);
        const char *path =
                setting->secret || setting->from_file ? loader_variable(loader, file_variable) : NULL;
        if (value && value[0] && path && path[0]) {
                loader_complain(loader, file_variable, NULL,
                                arena_printf(&loader->scratch, "%s is set too", variable));
                return;
        }
        if (path && path[0]) {
                variable = file_variable;
                value = secret_read(loader, variable, path);
                if (!value)
                        loader_origin(loader, name, variable, false)->broken = true;
        }
        if (value && value[0])
                loader_apply(loader, setting, loader_origin(loader, name, variable, false),
                             (struct setting_texts){&value, 1}, /* expanding = */ false);
}

static void variable_visit(void *loader, const struct setting_visit *visit)
{
        struct loader *one = loader;
        variable_apply(one, visit->setting, setting_visit_path(&one->scratch, visit));
}

/* The variables that are read, and one that is set and not among them. */
struct suggestion {
        struct loader *loader;
        struct suggest suggest;
};

static void suggest_visit(void *context, const struct setting_visit *visit)
{
        struct suggestion *suggestion = context;
        struct arena *arena = &suggestion->loader->scratch;
        const char *variable = setting_variable(arena, visit->setting, setting_visit_path(arena, visit));
        if (variable)
                suggest_offer(&suggestion->suggest, variable);
        if (variable && (visit->setting->secret || visit->setting->from_file))
                suggest_offer(&suggestion->suggest, arena_printf(arena, "%s_FILE", variable));
}

/* Other programs may own LEVERET_ names (a service of that name gets some from Kubernetes), so only what is
 * nearly one of ours is worth a word. */
static void variables_suggest(struct loader *loader)
{
        for (const char *const *at = loader->source->environment; at && *at; at++) {
                if (strncmp(*at, "LEVERET_", 8) != 0)
                        continue;
                const char *name = arena_copy(&loader->scratch, *at, strcspn(*at, "="));
                struct suggestion suggestion = {.loader = loader, .suggest = {.word = name, .limit = 3}};
                suggest_offer(&suggestion.suggest, CONFIG_FILE_VARIABLE);
                settings_visit(loader->config, suggest_visit, &suggestion);
                const char *best = suggestion.suggest.best;
                if (best && strcmp(best, name) != 0)
                        loader_warn(loader, name, NULL,
                                    arena_printf(&loader->scratch, "is not used; did you mean %s?", best));
        }
}

/* How an error names a --set: its value only where no secret can stand. */
static const char *set_label(struct loader *loader, const struct setting *setting, const char *path,
                             const char *value)
{
        bool shown =
                setting && !setting->secret && setting->kind < SETTING_TEXT && strlen(value) <= LABEL_MAX;
        struct buffer escaped = {0};
        buffer_add_json_string(&escaped, slice_of(value));
        struct slice text = {.data = "***", .len = 3};
        if (shown) /* without its quotes */
                text = (struct slice){.data = escaped.data + 1, .len = escaped.len - 2};
        const char *label =
                arena_printf(&loader->scratch, "--set %.*s=%.*s", LABEL_MAX, path, SLICE_PRINT(text));
        buffer_fini(&escaped);
        return label;
}

static size_t values_split(struct loader *loader, const struct setting *setting, const char *value,
                           const char *values[CONFIG_BINDINGS_MAX])
{
        bool list = setting->kind == SETTING_TEXTS || setting->kind == SETTING_DURATIONS;
        size_t count = 0;
        for (char *at = arena_strdup(&loader->scratch, value); at && count < CONFIG_BINDINGS_MAX;) {
                char *comma = list ? strchr(at, ',') : NULL;
                if (comma)
                        *comma = '\0';
                values[count++] = at;
                at = comma ? comma + 1 : NULL;
        }
        return count;
}

static void set_apply(struct loader *loader, const char *set)
{
        const char *equals = strchr(set, '=');
        if (!equals) {
                loader_complain(loader, "--set", NULL, "expected setting=value");
                return;
        }
        const char *path = arena_copy(&loader->scratch, set, (size_t)(equals - set));
        const struct setting *setting = setting_find(path);
        if (!loader_wants(loader, path))
                return;
        const char *label = set_label(loader, setting, path, equals + 1);
        if (!setting) {
                loader_complain(loader, label, NULL, loader_unknown(loader, path));
                return;
        }
        const char *values[CONFIG_BINDINGS_MAX];
        size_t count = values_split(loader, setting, equals + 1, values);
        loader_apply(loader, setting, loader_origin(loader, path, label, false),
                     (struct setting_texts){values, count}, /* expanding = */ true);
}

void loader_override(struct loader *loader)
{
        settings_visit(loader->config, variable_visit, loader);
        if (!loader->source->section)
                variables_suggest(loader);
        for (size_t i = 0; i < loader->source->set_count; i++)
                set_apply(loader, loader->source->sets[i]);
}
