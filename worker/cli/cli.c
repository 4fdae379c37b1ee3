#include "cli/cli.h"
#include "cli/help.h"
#include "core/text/display.h"
#include "core/text/suggest.h"
#include "core/text/units.h"
#include "core/text/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- the command line ---- */

static const struct cli_flag *flag_find(const struct cli_flag *flags, const char *name, size_t len)
{
        for (; flags && flags->name; flags++)
                if (strlen(flags->name) == len && strncmp(flags->name, name, len) == 0)
                        return flags;
        return NULL;
}

static bool complain(const struct cli *cli, const char *what, const char *problem)
{
        char text[300];
        snprintf(text, sizeof(text), "%.120s: %s", what, problem);
        cli_usage(cli, text);
        return false;
}

static bool set_output(struct cli *cli, const char *value)
{
        if (strcmp(value, "json") != 0 && strcmp(value, "table") != 0)
                return complain(cli, value, "-o takes table or json");
        cli->output = strcmp(value, "json") == 0 ? CLI_JSON : CLI_TABLE;
        return true;
}

static bool add_set(struct cli *cli, const char *value)
{
        if (cli->set_count == CLI_SETS_MAX)
                return complain(cli, value, "too many --set");
        cli->sets[cli->set_count++] = value;
        return true;
}

/* The value of argv[*at]: after '=' or the next word. */
static const char *cli_value_of(const struct cli *cli, int argc, char **argv, int *at, bool is_long)
{
        const char *equals = is_long ? strchr(argv[*at], '=') : NULL;
        if (equals)
                return equals + 1;
        if (*at + 1 < argc)
                return argv[++*at];
        complain(cli, argv[*at], "it needs a value");
        return NULL;
}

/* `--set /a=b` means a member of a payload, `--set a.b=c` a setting. */
static bool cli_is_pointer(int argc, char **argv, int at)
{
        const char *equals = strchr(argv[at], '=');
        if (equals)
                return equals[1] == '/';
        return at + 1 < argc && argv[at + 1][0] == '/';
}

static const char *flag_missing(struct cli *cli, const char *word, const struct cli_flag *flags)
{
        struct suggest suggest = {.word = word, .limit = suggest_limit(word)};
        static const char *const common[] = {"--config", "--set", "--output", "--yes", "--wide", "--help"};
        for (size_t i = 0; i < CLI_COUNT(common); i++)
                suggest_offer(&suggest, common[i]);
        for (; flags && flags->name; flags++)
                suggest_offer(&suggest, flags->name);
        return suggest.best ? arena_printf(&cli->arena, "unknown option; did you mean %s?", suggest.best)
                            : "unknown option";
}

const char *cli_word_missing(struct cli *cli, const char *problem, const char *const *names)
{
        const char *word = cli->word_count > 0 ? cli->words[0] : NULL;
        if (!word)
                return problem;
        struct suggest suggest = {.word = word, .limit = suggest_limit(word)};
        for (; *names; names++)
                suggest_offer(&suggest, *names);
        const char *safe = cli_safe(cli, slice_of(word));
        if (!suggest.best)
                return arena_printf(&cli->arena, "%.60s: %s", safe, problem);
        return arena_printf(&cli->arena, "%.60s: %s; did you mean %s?", safe, problem, suggest.best);
}

static bool take_flag(struct cli *cli, int argc, char **argv, int *at, const struct cli_flag *flags)
{
        const char *word = argv[*at];
        size_t len = strncmp(word, "--", 2) == 0 ? strcspn(word, "=") : strlen(word);
        bool is_long = word[1] == '-';
        const char *value;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
                return cli->help = true;
        if (strcmp(word, "--yes") == 0)
                return cli->yes = true;
        if (strcmp(word, "--wide") == 0)
                return cli->wide = true;
        if (strcmp(word, "-c") == 0 || (len == 8 && strncmp(word, "--config", 8) == 0))
                return (cli->config_file = cli_value_of(cli, argc, argv, at, is_long)) != NULL;
        if (strcmp(word, "-o") == 0 || (len == 8 && strncmp(word, "--output", 8) == 0))
                return (value = cli_value_of(cli, argc, argv, at, is_long)) && set_output(cli, value);
        const struct cli_flag *flag = flag_find(flags, word, len);
        if (len == 5 && strncmp(word, "--set", 5) == 0 && !(flag && cli_is_pointer(argc, argv, *at)))
                return (value = cli_value_of(cli, argc, argv, at, is_long)) && add_set(cli, value);
        if (!flag)
                return complain(cli, word, flag_missing(cli, word, flags));
        int64_t duration_ms;
        bool alone = flag->takes_duration && !strchr(word, '=') &&
                     (*at + 1 >= argc || !duration_parse(argv[*at + 1], &duration_ms));
        if (alone || (!flag->takes_value && !flag->takes_duration)) {
                *flag->value = "";
                return true;
        }
        uint64_t bit = UINT64_C(1) << (flag - flags);
        const char *before = cli->given & bit ? *flag->value : NULL; /* not its default */
        if (before && !flag->repeats)
                return complain(cli, word, "given twice");
        cli->given |= bit;
        *flag->value = cli_value_of(cli, argc, argv, at, is_long);
        if (before && *flag->value)
                *flag->value = arena_printf(&cli->arena, "%s\n%s", before, *flag->value);
        return *flag->value != NULL;
}

enum { WIDTH_UNKNOWN = 80 };

void cli_look_at_terminal(struct cli *cli)
{
        struct winsize size = {0};
        const char *kind = getenv("TERM"), *plain = getenv("NO_COLOR");
        if (!isatty(STDOUT_FILENO))
                return;
        bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        cli->width = known ? size.ws_col : WIDTH_UNKNOWN;
        /* no-color.org: any value but the empty one */
        cli->colour = !(plain && plain[0]) && kind && kind[0] && strcmp(kind, "dumb") != 0;
}

bool cli_parse(struct cli *cli, int argc, char **argv, const struct cli_flag *flags)
{
        bool only_words = false;
        cli_look_at_terminal(cli);
        for (int at = 0; at < argc; at++) {
                if (!only_words && strcmp(argv[at], "--") == 0) {
                        only_words = true;
                } else if (!only_words && argv[at][0] == '-' && argv[at][1] != '\0') {
                        if (!take_flag(cli, argc, argv, &at, flags))
                                return false;
                } else if (cli->word_count < CLI_WORDS_MAX) {
                        cli->words[cli->word_count++] = argv[at];
                } else {
                        return complain(cli, argv[at], "too many words");
                }
        }
        return true;
}

static bool is_common(const char *word, bool *value_follows)
{
        static const char *const valued[] = {"-c", "-o", "--config", "--output", "--set"};
        *value_follows = false;
        for (size_t i = 0; i < CLI_COUNT(valued); i++) {
                size_t len = strlen(valued[i]);
                *value_follows = strcmp(word, valued[i]) == 0;
                if (*value_follows || (len > 2 && strncmp(word, valued[i], len) == 0 && word[len] == '='))
                        return true;
        }
        return strcmp(word, "--yes") == 0 || strcmp(word, "--wide") == 0;
}

void cli_command_first(int argc, char **argv)
{
        int at = 1;
        bool value_follows;
        for (; at < argc && is_common(argv[at], &value_follows); at++)
                at += value_follows;
        if (at >= argc)
                return;
        char *command = argv[at];
        memmove(&argv[2], &argv[1], (size_t)(at - 1) * sizeof(*argv));
        argv[1] = command;
}

int cli_fail(const struct cli *cli, int status, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        fprintf(stderr, "leveret %s: ", cli->command);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
        return status;
}

int cli_fail_faults(struct cli *cli, const char *reason, const struct faults *faults, const char *after)
{
        for (const struct fault *fault = faults->first; fault; fault = fault->next)
                cli_fail(cli, CLI_ERROR, "%s: %s%s", reason, cli_safe(cli, slice_of(fault->text)),
                         fault->next ? "" : after);
        if (faults->count > FAULTS_KEPT_MAX)
                cli_fail(cli, CLI_ERROR, "%s: and %zu more", reason, faults->count - FAULTS_KEPT_MAX);
        return CLI_ERROR;
}

/* The page of --help. */
static void print_help(const struct cli_command *command)
{
        const char *page = help_page(command->name);
        printf("usage: %s\n\n%s\n"
               "Everywhere:\n\n%s\n"
               "Exit: 0 ok, 1 error, 2 usage, 3 not found, 4 refused, 78 configuration.\n",
               command->usage, page ? page : command->summary, help_options);
}

int cli_usage(const struct cli *cli, const char *problem)
{
        const struct cli_command *command = cli_commands;
        while (command->name && strcmp(command->name, cli->command) != 0)
                command++;
        if (cli->help && !problem && command->name) {
                print_help(command);
                return CLI_USAGE;
        }
        if (problem)
                fprintf(stderr, "leveret %s: %s\n", cli->command, problem);
        fprintf(stderr, "usage: %s\n", command->usage ? command->usage : "leveret COMMAND");
        return CLI_USAGE;
}

bool cli_parse_count(const char *text, int64_t least, int64_t most, int64_t *value)
{
        char *end;
        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (errno || end == text || *end || number < least || number > most)
                return false;
        *value = number;
        return true;
}

/* ---- data in ---- */

static bool input_read_all(const struct cli *cli, int fd, size_t max, const char *name, struct buffer *into)
{
        for (;;) {
                char *to = buffer_reserve(into, 65536);
                ssize_t got = read(fd, to, 65536);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0) {
                        cli_fail(cli, CLI_ERROR, "%s: %s", name, strerror(errno));
                        return false;
                }
                if (got == 0)
                        return true;
                into->len += (size_t)got;
                if (into->len > max) {
                        cli_fail(cli, CLI_ERROR, "%s: more than %zu bytes", name, max);
                        return false;
                }
        }
}

bool cli_data(struct cli *cli, const char *argument, size_t max, struct slice *data)
{
        if (argument[0] != '@' && strcmp(argument, "-") != 0) {
                *data = slice_of(argument);
                return true;
        }
        const char *name = argument[0] == '@' ? argument + 1 : "standard input";
        int fd = argument[0] == '@' ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
        if (fd < 0) {
                cli_fail(cli, CLI_ERROR, "%s: %s", name, strerror(errno));
                return false;
        }
        struct buffer content = {0};
        bool ok = input_read_all(cli, fd, max, name, &content);
        if (fd != STDIN_FILENO)
                close(fd);
        if (ok)
                *data = (struct slice){.data = arena_copy(&cli->arena, content.data, content.len),
                                       .len = content.len};
        buffer_fini(&content);
        return ok;
}

struct redis_sync *cli_redis(struct cli *cli)
{
        char error[256];
        struct redis_sync *redis = redis_sync_open(cli->config, error);
        if (!redis)
                cli_fail(cli, CLI_ERROR, "%s", error);
        return redis;
}

/* ---- data out ---- */

bool cli_print(struct slice text)
{
        return fwrite(text.data ? text.data : "", 1, text.len, stdout) == text.len &&
               fputc('\n', stdout) != EOF && fflush(stdout) == 0;
}

bool cli_print_json(struct slice json)
{
        struct buffer out = {0};
        for (size_t at = 0; at < json.len; at++) {
                unsigned char c = (unsigned char)json.data[at];
                unsigned char next = at + 1 < json.len ? (unsigned char)json.data[at + 1] : 0;
                bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
                if (c1 || c == 0x7f)
                        buffer_printf(&out, "\\u%04x", c1 ? next : c);
                else
                        buffer_add_char(&out, (char)c);
                at += c1;
        }
        bool ok = cli_print((struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
        return ok;
}

void cli_add_json(struct buffer *out, const char *name, const char *text)
{
        buffer_printf(out, ",\"%s\":", name);
        if (text)
                buffer_add_json_string(out, slice_of(text));
        else
                buffer_add_text(out, "null");
}

const char *cli_safe(struct cli *cli, struct slice text)
{
        struct buffer out = {0};
        for (size_t at = 0; at < text.len;) {
                size_t width = utf8_width(text.data + at, text.len - at);
                unsigned char c = (unsigned char)text.data[at];
                bool c1 = width == 2 && c == 0xc2 && (unsigned char)text.data[at + 1] < 0xa0;
                uint32_t code = width > 1 ? display_code(text.data + at, width) : 0;
                if (display_is_hidden(code)) {
                        buffer_printf(&out, "\\u%04x", (unsigned)code);
                        at += width;
                        continue;
                }
                if (width == 0 || c < 0x20 || c == 0x7f || c1) {
                        buffer_printf(&out, "\\x%02x", c);
                        at++;
                        continue;
                }
                buffer_add(&out, text.data + at, width);
                at += width;
        }
        const char *safe = arena_copy(&cli->arena, out.data ? out.data : "", out.len);
        buffer_fini(&out);
        return safe;
}
