#include "core/settings/settings.h"
#include "core/text/units.h"
#include "core/text/word.h"

#include <inttypes.h>
#include <string.h>

enum { PROSE_WIDTH = 110 };

/* Can it stand in YAML without quotes, also inside a flow list, and be read back as the same text? */
static bool text_is_plain(const char *text)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        size_t len = strlen(text);
        size_t plain = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/@-");
        return len > 0 && plain == len && (strchr(letters, text[0]) || text[0] == '/') &&
               text[len - 1] != ':' && strcmp(text, "null") != 0;
}

/* Quoted where YAML asks for it; `$${` keeps a `${` from being expanded when the file is loaded again. */
static void settings_text_add(struct buffer *out, const char *text)
{
        if (text_is_plain(text)) {
                buffer_add_text(out, text);
                return;
        }
        struct buffer escaped = {0};
        for (; *text; text++) {
                if (strncmp(text, "${", 2) == 0)
                        buffer_add_char(&escaped, '$');
                buffer_add_char(&escaped, *text);
        }
        buffer_add_json_string(out, (struct slice){.data = escaped.data, .len = escaped.len});
        buffer_fini(&escaped);
}

/* Of a URL with credentials only the password is hidden (RFC 3986 section 3.2.1); any other secret wholly. */
static void secret_add(struct buffer *out, const char *text)
{
        const char *authority = strstr(text, "://");
        const char *end = authority ? authority + 3 + strcspn(authority + 3, "/?#") : NULL;
        const char *at = end ? memrchr(authority + 3, '@', (size_t)(end - authority) - 3) : NULL;
        const char *colon = at ? memchr(authority + 3, ':', (size_t)(at - authority) - 3) : NULL;
        struct buffer masked = {0};
        if (colon) {
                buffer_add(&masked, text, (size_t)(colon + 1 - text));
                buffer_add_text(&masked, "***");
                buffer_add_text(&masked, at);
                text = masked.data;
        }
        settings_text_add(out, text);
        buffer_fini(&masked);
}

static bool text_print(const struct setting *setting, const char *text, bool masked, struct buffer *out)
{
        if (!text)
                return false;
        if (!masked || !setting->secret)
                settings_text_add(out, text);
        else if (setting_hides_password(setting))
                secret_add(out, text);
        else
                buffer_add_text(out, "\"***\"");
        return true;
}

/* `left: right`, or {exchange: left, key: right}. */
static void pair_print(const struct setting *setting, const char *text, const char *end, bool masked,
                       struct buffer *out)
{
        enum setting_pairs pairs = setting->pairs;
        struct buffer left = {0};
        buffer_add(&left, text, (size_t)(end - text));
        buffer_add_text(out, pairs == SETTING_OF_EXCHANGE ? "{exchange: " : "");
        settings_text_add(out, left.data);
        buffer_fini(&left);
        buffer_add_text(out, pairs == SETTING_OF_EXCHANGE ? ", key: " : ": ");
        settings_text_add(out, masked && setting->secret ? "***" : end + 1);
        buffer_add_text(out, pairs == SETTING_OF_EXCHANGE ? "}" : "");
}

static void list_print(const struct setting *setting, const char *const *items, size_t count, bool masked,
                       struct buffer *out)
{
        bool written = count == 1 && setting->pairs == SETTING_BY_NAME && !strchr(items[0], '\n');
        bool mapping = setting->pairs == SETTING_BY_NAME;
        if (written) { /* as in the environment: name=value,name=value */
                settings_text_add(out, masked && setting->secret ? "***" : items[0]);
                return;
        }
        buffer_add_char(out, mapping ? '{' : '[');
        for (size_t i = 0; i < count; i++) {
                const char *end = strchr(items[i], '\n');
                buffer_add_text(out, i ? ", " : "");
                if (end)
                        pair_print(setting, items[i], end, masked, out);
                else
                        settings_text_add(out, masked && setting->secret ? "***" : items[i]);
        }
        buffer_add_char(out, mapping ? '}' : ']');
}

bool setting_print(const struct setting *setting, const void *base, bool masked, struct buffer *out)
{
        const char *at = (const char *)base + setting->offset;
        const struct config_queue *queue = base;
        size_t count;
        int word;
        if (setting->has_offset && !*((const bool *)base + setting->has_offset))
                return false;
        switch (setting->kind) {
        case SETTING_DURATION:
                duration_add(out, *(const int64_t *)(const void *)at);
                return true;
        case SETTING_SIZE:
                size_add(out, *(const int64_t *)(const void *)at);
                return true;
        case SETTING_INTEGER:
                buffer_printf(out, "%" PRId64, *(const int64_t *)(const void *)at);
                return true;
        case SETTING_RATE:
                rate_add(out, *(const double *)(const void *)at);
                return true;
        case SETTING_BOOLEAN:
                buffer_add_text(out, bool_word(*(const bool *)at));
                return true;
        case SETTING_WORD:
                memcpy(&word, at, sizeof(word));
                buffer_add_text(out, setting->words[word]);
                return true;
        case SETTING_TEXT:
        case SETTING_URL:
        case SETTING_PATH:
        case SETTING_MAILBOX:
        case SETTING_ADDRESS:
        case SETTING_LISTEN:
                /* Written as "", which is not as good as not written. */
                if (setting->has_offset && !*(const char *const *)(const void *)at)
                        buffer_add_text(out, "\"\"");
                else
                        return text_print(setting, *(const char *const *)(const void *)at, masked, out);
                return true;
        case SETTING_TEXTS:
                memcpy(&count, (const char *)base + setting->count_offset, sizeof(count));
                if (count > 0 || setting->fallback)
                        list_print(setting, (const char *const *)(const void *)at, count, masked, out);
                return count > 0 || setting->fallback;
        case SETTING_DURATIONS:
                list_print(setting, queue->tiers, queue->tier_count, masked, out);
                return true;
        }
        return false;
}

bool setting_equal(const struct setting *setting, const void *a, const void *b)
{
        struct buffer left = {0}, right = {0};
        bool set = setting_print(setting, a, false, &left);
        bool equal = set == setting_print(setting, b, false, &right) && left.len == right.len &&
                     (left.len == 0 || memcmp(left.data, right.data, left.len) == 0);
        buffer_fini(&left);
        buffer_fini(&right);
        return equal;
}

struct writer {
        struct buffer *out;
        bool document;             /* with explanations and what is unset */
        const char *comment;       /* "# " before every line of an example, else "" */
        struct setting_visit last; /* what was written before; no setting: nothing */
};

static void indent(struct writer *writer, size_t depth, const char *text)
{
        buffer_printf(writer->out, "%s%*s%s", writer->comment, (int)depth * 2, "", text);
}

static void explanation_text(const struct setting *setting, struct buffer *text)
{
        buffer_add_text(text, setting->prose);
        if (setting->kind == SETTING_WORD) {
                buffer_add_text(text, " One of:");
                for (size_t i = 0; setting->words[i]; i++)
                        buffer_printf(text, "%s %s", i ? "," : "", setting->words[i]);
                buffer_add_char(text, '.');
        }
        buffer_add_text(text, " Default: ");
        buffer_add_text(text, setting->fallback ? setting->fallback : "unset");
        buffer_add_text(text, setting->reloadable ? ". Reloadable." : ".");
        if (setting->secret)
                buffer_add_text(text, " Secret.");
        if (setting->from_file)
                buffer_add_text(text, " Also read from a file, as a secret is.");
}

/* The explanation as comment lines of at most PROSE_WIDTH columns. */
static void setting_explain(struct writer *writer, size_t depth, const struct setting *setting)
{
        struct buffer text = {0};
        explanation_text(setting, &text);
        for (char *word = text.data; word && *word;) {
                size_t room = PROSE_WIDTH - 2 - depth * 2 - strlen(writer->comment), len = strlen(word);
                if (len > room)
                        for (len = room; len > 1 && word[len] != ' ';)
                                len--;
                indent(writer, depth, "# ");
                buffer_add(writer->out, word, len);
                buffer_add_char(writer->out, '\n');
                word += len + (word[len] == ' ');
        }
        buffer_fini(&text);
}

/* What stands behind the key in a document: scalars are written as the table writes them. */
static void document_value(const struct setting *setting, struct buffer *value)
{
        bool list = setting->kind == SETTING_TEXTS || setting->kind == SETTING_DURATIONS;
        bool word = setting->kind == SETTING_WORD && !setting->shown;
        if ((list || word) && value->len > 0)
                return;
        buffer_clear(value);
        if (setting->shown)
                settings_text_add(value, setting->shown);
        else if (setting->fallback)
                settings_text_add(value, setting->fallback);
        else
                buffer_add_text(value, setting->example);
}

/* One setting at `depth`, with its explanation in a document; unset ones appear there as a comment. */
static void write_setting(struct writer *writer, size_t depth, const struct setting *setting,
                          const void *base)
{
        const char *key = strrchr(setting->name, '.');
        key = key ? key + 1 : setting->name;
        struct buffer value = {0};
        bool set = setting_print(setting, base, true, &value);
        if (writer->document) {
                setting_explain(writer, depth, setting);
                document_value(setting, &value);
                indent(writer, depth, setting->shown || setting->fallback ? "" : "# ");
        } else if (set) {
                indent(writer, depth, "");
        }
        if (set || writer->document)
                buffer_printf(writer->out, "%s: %s\n", key, value.data);
        buffer_fini(&value);
}

/* Writes the headings of sections in which `name` lies and `previous` did not; returns how deep it lies. */
static size_t write_sections(struct writer *writer, size_t depth, const char *previous, const char *name)
{
        const char *start = name;
        for (const char *dot; (dot = strchr(start, '.')); start = dot + 1, depth++) {
                if (previous && strncmp(previous, name, (size_t)(dot - name) + 1) == 0)
                        continue;
                indent(writer, depth, "");
                buffer_printf(writer->out, "%.*s:\n", (int)(dot - start), start);
        }
        return depth;
}

static const char *list_name(enum setting_scope scope)
{
        switch (scope) {
        case SETTING_OF_QUEUE:
                return "queues";
        case SETTING_OF_TOKEN:
                return "tokens";
        case SETTING_OF_SCHEDULE:
                return "schedules";
        case SETTING_OF_HANDLER:
                return "handlers";
        case SETTING_OF_OUTLET:
                return "outlets";
        case SETTING_OF_WORKER:
                return NULL;
        }
        return NULL;
}

/* The headings of a list and of its entry, where either begins. */
static void write_entry(struct writer *writer, const struct setting_visit *visit)
{
        const struct setting_visit *last = &writer->last;
        enum setting_scope scope = visit->setting->scope;
        bool within = last->setting && last->owner && last->setting->scope == scope;
        size_t depth = scope == SETTING_OF_TOKEN; /* the others stand alone */
        if (!within && depth)
                indent(writer, depth, "tokens:\n");
        else if (!within)
                buffer_printf(writer->out, "%s%s:\n", writer->document ? "\n" : "", list_name(scope));
        if (within && last->index == visit->index)
                return;
        writer->last.name = NULL; /* its sections are new ones */
        indent(writer, depth + 1, "");
        if (scope == SETTING_OF_QUEUE || scope == SETTING_OF_TOKEN || scope == SETTING_OF_SCHEDULE) {
                buffer_add_text(writer->out, "-\n");
                return;
        }
        settings_text_add(writer->out, visit->owner);
        buffer_add_text(writer->out, ":\n");
}

static bool begins_a_section(const char *previous, const char *name)
{
        return !previous || !strchr(name, '.') || strncmp(previous, name, strcspn(name, ".") + 1) != 0;
}

static void write_visit(void *context, const struct setting_visit *visit)
{
        struct writer *writer = context;
        enum setting_scope scope = visit->setting->scope;
        bool shared =
                visit->owner && scope == SETTING_OF_OUTLET && strncmp(visit->setting->name, "mail.", 5) == 0;
        if (writer->document && shared) /* they are explained under mail */
                return;
        bool example = visit->owner && scope != SETTING_OF_QUEUE; /* the defaults have none of them */
        writer->comment = writer->document && example ? "# " : "";
        if (visit->owner)
                write_entry(writer, visit);
        else if (writer->last.owner)
                writer->last.name = NULL;
        const char *previous = writer->last.name;
        if (writer->document && !visit->owner && begins_a_section(previous, visit->name))
                buffer_add_char(writer->out, '\n');
        size_t base = (visit->owner ? 2 : 0) + (scope == SETTING_OF_TOKEN);
        size_t depth = write_sections(writer, base, previous, visit->name);
        write_setting(writer, depth, visit->setting, visit->base);
        writer->last = *visit;
}

void settings_print(const struct config *config, struct buffer *out)
{
        struct writer writer = {.out = out, .comment = ""};
        settings_visit(config, write_visit, &writer);
}

static const char preamble[] =
        "# The configuration of leveret: every setting with its meaning, at its default; only mail.transport "
        "is log\n"
        "# here, so that nothing is sent before you say how. Copy what differs.\n"
        "# Later ones win: this file, the environment (LEVERET_AMQP_URL for amqp.url; an empty variable "
        "counts as\n"
        "# unset), --set amqp.url=... on the command line (also --set 'queues[0].prefetch=10', lists with "
        "commas).\n"
        "# Every secret can be read from a file that LEVERET_..._FILE names "
        "(LEVERET_MAIL_HTTP_API_KEY_FILE).\n"
        "# ${NAME} and ${NAME:-otherwise} in values are replaced from the environment; $${ is a literal ${.\n"
        "# A secret written here in plain is refused when everybody may read the file, unless its service is "
        "on\n"
        "# this machine.\n"
        "# Units: 300ms 30s 5m 1h 7d, 64KiB 1MiB, 100/s 600/m. SIGHUP applies what is reloadable.\n"
        "# Check it with: leveret check --offline -c FILE\n";

void settings_document(struct buffer *out)
{
        struct arena arena;
        arena_init(&arena);
        struct config *config = arena_alloc(&arena, sizeof(*config));
        settings_defaults(config, &arena);
        settings_handler_defaults(&config->handlers[0], &arena);
        config->handlers[0].type = "email.send.v1";
        config->handler_count = 1;
        settings_outlet_defaults(&config->outlets[0], "backup", &arena);
        settings_outlet_defaults(&config->outlets[1], "hooks", &arena);
        config->outlets[1].kind = OUTLET_POST;
        config->outlet_count = 2;
        settings_token_defaults(&config->serve.tokens[0], &arena);
        config->serve.token_count = 1;
        settings_schedule_defaults(&config->schedules[0], &arena);
        config->schedule_count = 1;
        buffer_add_text(out, preamble);
        struct writer writer = {.out = out, .document = true, .comment = ""};
        settings_visit(config, write_visit, &writer);
        arena_fini(&arena);
}
