#include "core/settings/settings.h"
#include "core/text/roff.h"
#include "core/text/units.h"

#include <inttypes.h>
#include <string.h>

/* leveret.yaml(5), from the table of settings. */

static void manual_add_range(const struct setting *setting, const char *what,
                             void (*add)(struct buffer *out, int64_t value), struct buffer *text)
{
        buffer_printf(text, "%s from ", what);
        add(text, setting->min);
        buffer_add_text(text, " to ");
        add(text, setting->max);
        buffer_add_char(text, '.');
}

static void add_words(const struct setting *setting, const char *what, struct buffer *text)
{
        buffer_add_text(text, what);
        for (size_t i = 0; setting->words && setting->words[i]; i++)
                buffer_printf(text, "%s%s", i ? ", " : "", setting->words[i]);
        buffer_add_char(text, '.');
}

static void manual_add_kind(const struct setting *setting, struct buffer *text)
{
        switch (setting->kind) {
        case SETTING_DURATION:
                manual_add_range(setting, "A duration", duration_add, text);
                return;
        case SETTING_DURATIONS:
                manual_add_range(setting, "A list of durations", duration_add, text);
                return;
        case SETTING_SIZE:
                manual_add_range(setting, "A size", size_add, text);
                return;
        case SETTING_INTEGER:
                manual_add_range(setting, "A whole number", buffer_add_integer, text);
                return;
        case SETTING_RATE:
                buffer_add_text(text, "A rate.");
                return;
        case SETTING_BOOLEAN:
                buffer_add_text(text, "true or false.");
                return;
        case SETTING_WORD:
                add_words(setting, "One of: ", text);
                return;
        case SETTING_URL:
                add_words(setting, "A URL of one of the schemes ", text);
                return;
        case SETTING_TEXT:
                if (setting->max > 0)
                        buffer_printf(text, "A text of at most %" PRId64 " bytes.", setting->max);
                else
                        buffer_add_text(text, "A text.");
                return;
        case SETTING_TEXTS:
                buffer_add_text(text, "A list of texts.");
                return;
        case SETTING_PATH:
                buffer_add_text(text, "A file.");
                return;
        case SETTING_MAILBOX:
                buffer_add_text(text, "An e-mail address, or a name and <address>.");
                return;
        case SETTING_ADDRESS:
                buffer_add_text(text, "An e-mail address.");
                return;
        case SETTING_LISTEN:
                buffer_add_text(text, "HOST:PORT, or off.");
                return;
        }
}

/* A setting of a list has no variable of its own: its value can name one. */
static void add_secret(struct buffer *text, const char *variable)
{
        if (variable)
                buffer_printf(text, " Secret: also read from the file that %s_FILE names.", variable);
        else
                buffer_add_text(text, " Secret: write ${NAME} to take it from the environment.");
}

static void add_setting(const struct setting *setting, struct arena *arena, struct buffer *out)
{
        struct buffer text = {0};
        const char *variable = setting_variable(arena, setting, NULL);
        roff_add_tag(out, setting->name, strlen(setting->name));
        buffer_printf(&text, "%s\n", setting->prose);
        manual_add_kind(setting, &text);
        buffer_printf(&text, " Default: %s.", setting->fallback ? setting->fallback : "unset");
        if (setting->reloadable)
                buffer_add_text(&text, " Reloadable.");
        if (setting->from_file)
                buffer_printf(&text, " Also read from the file that %s_FILE names.", variable);
        if (setting->secret)
                add_secret(&text, variable);
        roff_add_text(out, text.data);
        buffer_fini(&text);
}

static const char description[] =
        "leveret.yaml configures leveret(1). It is looked for where -c says, else "
        "where the environment variable\n"
        "LEVERET_CONFIG says, else at config/leveret.yaml, else at "
        "/etc/leveret/leveret.yaml. Nothing in it is required but mail.from and "
        "the address of the mail service; a key\n"
        "that is not known is an error. The shipped file holds every setting with "
        "its meaning, at its default, but for mail.transport, which is log there.\n";

static const char sources[] = "Later ones win: the file; the environment, where amqp.url is LEVERET_AMQP_URL "
                              "(an empty variable counts as\n"
                              "unset); on the command line --set amqp.url=..., also --set "
                              "\"queues[0].prefetch=10\" and lists with commas.\n"
                              "${NAME} and ${NAME:-otherwise} in values are replaced from the environment; "
                              "$${ is a literal ${. A secret\n"
                              "written in plain is refused when everybody may read the file, unless its "
                              "service is on this machine.\n";

static const char units[] = "Durations: 300ms 30s 5m 1h 7d. Sizes: 100B 64KiB 1MiB. Rates: 100/s 600/m.\n";

static const char reload[] = "SIGHUP makes a worker read everything again and apply what is reloadable. If "
                             "there is an error in it, the\n"
                             "old configuration is kept and the errors are logged.\n";

void settings_manual(struct buffer *out)
{
        struct arena arena;
        arena_init(&arena);
        roff_add_title(out, "LEVERET.YAML", "5");
        roff_add_section(out, "NAME");
        buffer_add_text(out, "leveret.yaml \\- configuration of leveret\n");
        roff_add_section(out, "DESCRIPTION");
        roff_add_text(out, description);
        buffer_add_text(out, ".PP\n");
        roff_add_text(out, sources);
        buffer_add_text(out, ".PP\n");
        roff_add_text(out, units);
        buffer_add_text(out, ".PP\n");
        roff_add_text(out, reload);
        roff_add_section(out, "SETTINGS");
        for (size_t i = 0; i < setting_count; i++)
                add_setting(&settings[i], &arena, out);
        roff_add_section(out, "EXAMPLES");
        roff_add_text(out, "All errors at once, with their places, and then every service asked:");
        buffer_add_text(out, ".PP\n.RS 4\n.EX\nleveret check \\-c leveret.yaml\n.EE\n.RE\n");
        roff_add_section(out, "SEE ALSO");
        buffer_add_text(out, ".BR leveret (1)\n");
        arena_fini(&arena);
}
