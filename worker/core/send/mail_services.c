#include "core/send/mail_services.h"
#include "core/send/mail_preset.h"
#include "core/send/send_outcome.h"
#include "core/text/word.h"

#include <inttypes.h>

static const char head[] =
        "# Mail services\n\n"
        "What `mail.http.preset` can be. This page is made of the tables that the presets work by "
        "(`leveret --manual-of-mail-services`).\n\n"
        "What a service cannot carry is refused before anything leaves: the message is dead as `rejected`, "
        "with the\n"
        "place and the preset. Nothing is thinned out.\n\n";

static const char table_words[] =
        "\nA dash: none, or no limit that the service tells. The numbers are the largest that it takes. "
        "Labels: "
        "the metadata, for\n"
        "mailgun also the tags and headers, with 512 bytes for what leveret adds. In all: the files in "
        "base64 and "
        "the texts. A text:\n"
        "the text, and the html. At least, subject: characters. UTF-8: an address that is not ASCII before "
        "its "
        "@. Key: for how long\n"
        "a repetition is known by it. Look-up: whether the service is asked for what may have been sent. By "
        "recipient: whether it\n"
        "says whom of a mail it leaves out.\n\n";

static void count_add(struct buffer *out, const char *what, size_t count)
{
        if (count)
                buffer_printf(out, ", %zu %s", count, what);
        else
                buffer_printf(out, ", no %s", what);
}

static void lacks_add(struct buffer *out, const struct preset_can *can)
{
        const struct {
                bool can;
                const char *lack;
        } lacks[] = {
                {can->text_alone, "a mail without html"},
                {can->metadata, "metadata"},
                {can->inline_files, "files that are shown in the html"},
                {can->utf8, "addresses that are not ASCII before the @"},
                {!can->token_beside, "metadata that is called leveret"},
                {!can->words, "tags and metadata with other than letters, digits, - and _"},
                {!can->file_ending, "files whose name has no ending"},
                {!can->file_types, "files of other types than it lists"},
                {!can->bare_types, "files whose type has a charset or another parameter but method"},
                {!can->fills, "{{ in the subject, a name or a header: it would fill it in"},
        };
        size_t count = 0;
        for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++)
                if (!lacks[i].can)
                        buffer_printf(out, "%s%s", count++ ? "; " : "- Refused: ", lacks[i].lack);
        buffer_add_text(out, count ? ".\n" : "");
}

static void carries_add(struct buffer *out, const struct mail_preset_rules *rules)
{
        const struct preset_can *can = &rules->can;
        buffer_printf(out, "- At most %zu recipients", can->recipients);
        count_add(out, "reply-to", can->reply_to);
        count_add(out, "tags", can->tags);
        if (can->files)
                buffer_printf(out, ", %zu files", can->files);
        if (can->bytes)
                buffer_printf(out, ", %d MB in all", (int)(can->bytes >> 20));
        if (can->text_max)
                buffer_printf(out, ", %d MB of text or html", (int)(can->text_max >> 20));
        if (can->subject_max)
                buffer_printf(out, ", %zu characters of subject", can->subject_max);
        if (can->tag_max)
                buffer_printf(out, ", %zu bytes of a tag", can->tag_max);
        if (can->labels_max)
                buffer_printf(out, ", %zu bytes of %s", can->labels_max,
                              rules->labels ? "tags, metadata and headers" : "metadata");
        if (can->text_min)
                buffer_printf(out, "; at least %zu characters of subject, text and html", can->text_min);
        buffer_add_text(out, ".\n");
        lacks_add(out, can);
}

static void twice_add(struct buffer *out, const struct mail_preset_rules *rules)
{
        const struct preset_look *look = &rules->look;
        if (rules->key_lifetime_ms)
                buffer_printf(
                        out,
                        "- A repetition within %d minutes is known by its key; after that the key counts as "
                        "none.\n",
                        (int)(rules->key_lifetime_ms / 60000));
        if (look->path)
                buffer_printf(
                        out,
                        "- It can be asked for a mail: `GET %s`; what it does not know after %d s was not "
                        "taken, for %d days. %s.\n",
                        look->path, (int)(look->lag_ms / 1000),
                        (int)(look->retention_ms / (24 * 3600 * 1000)),
                        look->by_default ? "`on_ambiguous` is `lookup` unless set"
                                         : "Only where `on_ambiguous: lookup` is set");
        if (look->page)
                buffer_printf(out,
                              "- It is asked by recipient: of somebody who got %zu mails since, it cannot be "
                              "known.\n",
                              look->page);
        if (!rules->key_lifetime_ms && !look->path)
                buffer_add_text(out,
                                "- It knows no repetition and cannot be asked: `on_ambiguous` decides.\n");
}

static void people_add(struct buffer *out, const struct mail_preset_rules *rules)
{
        if (rules->people_once)
                buffer_add_text(out,
                                "- One who is in to, cc or bcc twice is named once: the service refuses the "
                                "mail, or sends it twice.\n");
}

static void refused_add(struct buffer *out, const struct mail_preset_rules *rules)
{
        if (rules->refused)
                buffer_add_text(out, "- It answers by recipient: a mail that not all get is sent, with "
                                     "`partial` and `refused.<key>` in its record.\n");
}

static void answers_add(struct buffer *out, const struct mail_preset_rules *rules)
{
        for (size_t i = 0; i < PRESET_ANSWERS_MAX; i++) {
                const struct preset_answer *row = &rules->answers[i];
                if (!row->status && !row->code)
                        return;
                buffer_add_text(out, "- Answer");
                if (row->status)
                        buffer_printf(out, " %d", row->status);
                if (row->code)
                        buffer_printf(out, " `%s`", row->code);
                buffer_printf(out, ": %s.\n", send_outcome_word(row->outcome));
        }
}

static void cell_add(struct buffer *out, int64_t number, const char *unit)
{
        if (number > 0)
                buffer_printf(out, " %" PRId64 "%s |", number, unit);
        else
                buffer_add_text(out, " - |");
}

static void word_cell_add(struct buffer *out, bool yes, const char *word)
{
        buffer_printf(out, " %s |", yes ? word : "-");
}

static void row_add(struct buffer *out, const struct mail_preset_rules *rules)
{
        const struct preset_can *can = &rules->can;
        const struct preset_look *look = &rules->look;
        buffer_printf(out, "| %s |", rules->name);
        cell_add(out, (int64_t)can->recipients, "");
        cell_add(out, (int64_t)can->reply_to, "");
        cell_add(out, (int64_t)can->tags, "");
        cell_add(out, (int64_t)can->tag_max, " B");
        word_cell_add(out, can->metadata, "yes");
        cell_add(out, (int64_t)can->labels_max, " B");
        cell_add(out, (int64_t)can->files, "");
        word_cell_add(out, can->inline_files, "yes");
        cell_add(out, can->bytes, " B");
        cell_add(out, can->text_max, " B");
        cell_add(out, (int64_t)can->text_min, "");
        cell_add(out, (int64_t)can->subject_max, "");
        word_cell_add(out, can->utf8, "yes");
        cell_add(out, rules->key_lifetime_ms / 60000, " min");
        word_cell_add(out, look->path, look->by_default ? "yes" : "if set");
        word_cell_add(out, rules->refused, "yes");
        buffer_add_char(out, '\n');
}

static void table_add(struct buffer *out)
{
        buffer_add_text(out, "| preset | recipients | reply-to | tags | a tag | metadata | labels | files | "
                             "inline | in all | "
                             "a text | at least | subject | UTF-8 | key | look-up | by recipient |\n"
                             "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        for (int preset = MAIL_PRESET_RESEND; preset <= MAIL_PRESET_CUSTOM; preset++)
                row_add(out, mail_preset_rules((enum mail_preset)preset));
        buffer_add_text(out, table_words);
}

void mail_services_add(struct buffer *out)
{
        buffer_add_text(out, head);
        table_add(out);
        for (int preset = MAIL_PRESET_RESEND; preset <= MAIL_PRESET_CUSTOM; preset++) {
                const struct mail_preset_rules *rules = mail_preset_rules((enum mail_preset)preset);
                buffer_printf(out, "%s## %s\n\n- `POST %s%s`", text_if(preset, "\n"), rules->name,
                              text_or(rules->url, ""), rules->path);
                if (rules->needs)
                        buffer_printf(out, "; needs of `mail.http`: %s", rules->needs);
                buffer_add_text(out, ".\n");
                carries_add(out, rules);
                twice_add(out, rules);
                refused_add(out, rules);
                people_add(out, rules);
                answers_add(out, rules);
        }
}
