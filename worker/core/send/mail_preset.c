#include "core/send/mail_preset.h"
#include "core/address/mailbox.h"
#include "core/codec/base64.h"
#include "core/mail/mail_braces.h"
#include "core/send/mail_json.h"
#include "core/send/preset_file.h"
#include "core/send/send_error.h"
#include "core/text/word.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Files that are fetched are read into memory for a body. */
#define FETCHED_MAX (INT64_C(1) << 20)

const struct mail_preset_rules *mail_preset_rules(enum mail_preset preset)
{
        static const struct mail_preset_rules *const all[] = {
                [MAIL_PRESET_RESEND] = &preset_resend,     [MAIL_PRESET_POSTMARK] = &preset_postmark,
                [MAIL_PRESET_SENDGRID] = &preset_sendgrid, [MAIL_PRESET_MAILGUN] = &preset_mailgun,
                [MAIL_PRESET_SES] = &preset_ses,           [MAIL_PRESET_BREVO] = &preset_brevo,
                [MAIL_PRESET_MAILJET] = &preset_mailjet,   [MAIL_PRESET_SPARKPOST] = &preset_sparkpost,
                [MAIL_PRESET_SCALEWAY] = &preset_scaleway, [MAIL_PRESET_MAILPIT] = &preset_mailpit,
                [MAIL_PRESET_CUSTOM] = &preset_custom,
        };
        return all[preset];
}

struct mail_preset_rules mail_preset_of(const struct config_outlet *outlet)
{
        struct mail_preset_rules rules = *mail_preset_rules(outlet->http.preset);
        if (outlet->http.preset != MAIL_PRESET_CUSTOM)
                return rules;
        const char *const set[] = {outlet->http.custom.auth_header, outlet->http.custom.auth_prefix,
                                   outlet->http.custom.id_member, outlet->http.custom.error_member};
        const char **const members[] = {&rules.auth_header, &rules.auth_prefix, &rules.id_member,
                                        &rules.error_member};
        for (size_t i = 0; i < sizeof set / sizeof *set; i++)
                if (set[i])
                        *members[i] = set[i];
        return rules;
}

void mail_preset_boundary(struct buffer *out, const struct mail_request *request)
{
        buffer_printf(out, "leveret-%.32s", request->key);
}

/* ---- what it carries ---- */

static size_t mailboxes(const char *list)
{
        struct mailbox mailbox;
        size_t count = 0;
        while (list && mailbox_take(&list, &mailbox))
                count++;
        return count;
}

static bool preset_is_word(const char *text)
{
        for (; *text; text++)
                if (!isalnum((unsigned char)*text) && *text != '-' && *text != '_')
                        return false;
        return true;
}

/* Counts no further than one character beyond `max`. */
static size_t characters_up_to(const char *text, size_t max)
{
        size_t count = 0;
        for (; *text && count <= max; text++)
                count += ((unsigned char)*text & 0xc0) != 0x80;
        return count;
}

static int64_t file_len(const struct mail_request *request, size_t i)
{
        const struct attachment *file = &request->mail.attachments[i];
        if (file->content)
                return (int64_t)file->content_len;
        return request->fetched ? request->fetched[i].len : file->size;
}

static bool mail_preset_refuse(struct buffer *out, const char *place, const char *preset, const char *rule)
{
        buffer_printf(out, "%s: %s %s", place, preset, rule);
        return true;
}

static bool people_refusal(struct buffer *out, const struct mail_preset_rules *rules,
                           const struct mail_request *request)
{
        const struct mail *mail = &request->mail;
        const struct preset_can *can = &rules->can;
        char rule[64];
        if (mailboxes(mail->to) + mailboxes(mail->cc) + mailboxes(mail->bcc) > can->recipients) {
                snprintf(rule, sizeof rule, "takes at most %zu recipients", can->recipients);
                return mail_preset_refuse(out, "/to", rules->name, rule);
        }
        if (mailboxes(mail->reply_to) > can->reply_to) {
                snprintf(rule, sizeof rule, "takes at most %zu of it", can->reply_to);
                return mail_preset_refuse(out, "/reply_to", rules->name, rule);
        }
        if (!can->utf8 && mail_request_needs_utf8(request))
                return mail_preset_refuse(out, "/to", rules->name,
                                          "takes no address that is not ASCII before its @");
        return false;
}

/* "takes at most 5 MB of it" */
static bool mail_preset_too_large(struct buffer *out, const char *place, const char *preset, int64_t max,
                                  const char *unit)
{
        char rule[80];
        if (max >= 1 << 20) {
                max >>= 20;
                unit = "MB";
        }
        snprintf(rule, sizeof rule, "takes at most %d %s of it", (int)max, unit);
        return mail_preset_refuse(out, place, preset, rule);
}

static bool text_refusal(struct buffer *out, const struct mail_preset_rules *rules, const struct mail *mail)
{
        const struct preset_can *can = &rules->can;
        const char *const texts[] = {mail->subject, mail->text, mail->html};
        static const char *const places[] = {"/subject", "/text", "/html"};
        char rule[64];
        if (!mail->html && !can->text_alone)
                return mail_preset_refuse(out, "/html", rules->name, "takes no mail without it");
        for (size_t i = 0; i < 3; i++) {
                if (!texts[i] || characters_up_to(texts[i], can->text_min) >= can->text_min)
                        continue;
                snprintf(rule, sizeof rule, "wants at least %zu characters", can->text_min);
                return mail_preset_refuse(out, places[i], rules->name, rule);
        }
        if (can->subject_max && characters_up_to(mail->subject, can->subject_max) > can->subject_max)
                return mail_preset_too_large(out, "/subject", rules->name, (int64_t)can->subject_max,
                                             "characters");
        for (size_t i = 1; i < 3; i++)
                if (can->text_max && texts[i] && (int64_t)strlen(texts[i]) > can->text_max)
                        return mail_preset_too_large(out, places[i], rules->name, can->text_max, "bytes");
        return false;
}

static size_t pairs_len(const struct pair *pairs)
{
        size_t len = 0;
        for (; pairs && pairs->name; pairs++)
                len += strlen(pairs->name) + strlen(pairs->value);
        return len;
}

/* What the message wants, beside leveret's own token and the names of its fields. */
static bool label_size_refusal(struct buffer *out, const struct mail_preset_rules *rules,
                               const struct mail_request *request)
{
        enum { OWN_LEN = 512 };
        const struct preset_can *can = &rules->can;
        const char *const *tags = request->mail.tags;
        for (size_t i = 0; can->tag_max && tags && tags[i]; i++)
                if (strlen(tags[i]) > can->tag_max)
                        return mail_preset_too_large(out, "/tags", rules->name, (int64_t)can->tag_max,
                                                     "bytes for one");
        size_t len = rules->labels ? rules->labels(request) : pairs_len(request->mail.metadata);
        if (!can->labels_max || len + OWN_LEN <= can->labels_max)
                return false;
        return mail_preset_too_large(out, rules->labels ? "/headers" : "/metadata", rules->name,
                                     (int64_t)can->labels_max - OWN_LEN, "bytes");
}

static const char WORDS[] = "takes only letters, digits, - and _";

/* Of two members of a name the service keeps one: without the token it would not find the mail again. */
static bool metadata_refusal(struct buffer *out, const struct mail_preset_rules *rules,
                             const struct pair *metadata)
{
        const struct preset_can *can = &rules->can;
        if (metadata && metadata[0].name && !can->metadata)
                return mail_preset_refuse(out, "/metadata", rules->name, "takes none");
        for (const struct pair *pair = metadata; pair && pair->name; pair++)
                if (can->words && (!preset_is_word(pair->name) || !preset_is_word(pair->value)))
                        return mail_preset_refuse(out, "/metadata", rules->name, WORDS);
                else if (can->words && can->tag_max && strlen(pair->value) > can->tag_max) /* a tag there */
                        return mail_preset_too_large(out, "/metadata", rules->name, (int64_t)can->tag_max,
                                                     "bytes for one");
                else if (can->token_beside && strcasecmp(pair->name, "leveret") == 0)
                        return mail_preset_refuse(out, "/metadata/leveret", rules->name,
                                                  "finds a mail again by what leveret itself puts there");
        return false;
}

static bool label_refusal(struct buffer *out, const struct mail_preset_rules *rules, const struct mail *mail)
{
        const struct preset_can *can = &rules->can;
        char rule[64];
        size_t count = 0;
        for (; mail->tags && mail->tags[count]; count++)
                if (can->words && !preset_is_word(mail->tags[count]))
                        return mail_preset_refuse(out, "/tags", rules->name, WORDS);
        if (count > can->tags) {
                snprintf(rule, sizeof rule, can->tags ? "takes at most %zu" : "takes none", can->tags);
                return mail_preset_refuse(out, "/tags", rules->name, rule);
        }
        return metadata_refusal(out, rules, mail->metadata);
}

static bool file_refusal(struct buffer *out, const struct mail_preset_rules *rules,
                         const struct mail_request *request)
{
        const struct preset_can *can = &rules->can;
        const struct attachment *files = request->mail.attachments;
        int64_t bytes = 0, fetched = 0;
        size_t count = 0;
        char rule[80];
        for (; files && files[count].name; count++) {
                const char *lack = preset_file_lack(can, &files[count]);
                if (lack)
                        return mail_preset_refuse(out, "/attachments", rules->name, lack);
                bytes += (file_len(request, count) + 2) / 3 * 4;
                fetched += files[count].content ? 0 : file_len(request, count);
        }
        if (can->files && count > can->files) {
                snprintf(rule, sizeof rule, "takes at most %zu", can->files);
                return mail_preset_refuse(out, "/attachments", rules->name, rule);
        }
        const char *const texts[] = {request->mail.text, request->mail.html};
        for (size_t i = 0; i < 2; i++)
                bytes += texts[i] ? (int64_t)strlen(texts[i]) : 0;
        if (can->bytes && bytes > can->bytes) {
                snprintf(rule, sizeof rule, "takes mails of at most %d MB", (int)(can->bytes >> 20));
                return mail_preset_refuse(out, "/attachments", rules->name, rule);
        }
        return fetched > FETCHED_MAX &&
               mail_preset_refuse(out, "/attachments", rules->name, "is given at most 1 MiB of files by URL");
}

static bool filled_refusal(struct buffer *out, const struct mail_preset_rules *rules,
                           const struct mail_request *request)
{
        const char *place = rules->can.fills ? mail_braces_place(&request->mail) : NULL;
        return place &&
               mail_preset_refuse(out, place, rules->name, "would fill in what stands in {{ }} there");
}

bool mail_preset_refusal(struct buffer *out, const struct mail_preset_rules *rules,
                         const struct mail_request *request)
{
        return people_refusal(out, rules, request) || text_refusal(out, rules, &request->mail) ||
               label_refusal(out, rules, &request->mail) || label_size_refusal(out, rules, request) ||
               file_refusal(out, rules, request) || filled_refusal(out, rules, request);
}

const char *mail_preset_problem(struct buffer *refusal, const struct mail_preset_rules *rules,
                                const struct mail_request *request)
{
        const char *problem = mail_request_problem(request);
        return !problem && mail_preset_refusal(refusal, rules, request) ? refusal->data : problem;
}

/* ---- where, and who asks ---- */

static const char *setting(const struct config_outlet *outlet, struct slice name)
{
        const struct {
                const char *name, *value;
        } settings[] = {
                {"url", outlet->http.url},           {"api_key", outlet->http.api_key},
                {"username", outlet->http.username}, {"password", outlet->http.password},
                {"region", outlet->http.region},     {"domain", outlet->http.domain},
                {"project", outlet->http.project},   {"custom.path", outlet->http.custom.path},
        };
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
                if (slice_is(name, settings[i].name))
                        return settings[i].value && *settings[i].value ? settings[i].value : NULL;
        return NULL;
}

/* Adds a text in which {name} stands for a setting, or for the value of the only name that is none. */
static void filled(struct buffer *out, const char *text, const struct config_outlet *outlet,
                   const char *other)
{
        for (const char *open; (open = strchr(text, '{')); text = strchr(open, '}') + 1) {
                struct slice name = {.data = open + 1, .len = (size_t)(strchr(open, '}') - open - 1)};
                const char *value = setting(outlet, name);
                buffer_add(out, text, (size_t)(open - text));
                buffer_add_text(out, value ? value : other);
        }
        buffer_add_text(out, text);
}

static void base_add(struct buffer *out, const struct config_outlet *outlet)
{
        const struct mail_preset_rules *rules = mail_preset_rules(outlet->http.preset);
        const char *url = outlet->http.url ? outlet->http.url : rules->url;
        filled(out, url ? url : "", outlet, "");
        while (out->len && out->data[out->len - 1] == '/')
                out->data[--out->len] = '\0';
}

void mail_preset_url_of(struct buffer *out, const struct config_outlet *outlet, const char *path,
                        const char *other)
{
        base_add(out, outlet);
        filled(out, path, outlet, other);
}

void mail_preset_url(struct buffer *out, const struct config_outlet *outlet)
{
        mail_preset_url_of(out, outlet, mail_preset_rules(outlet->http.preset)->path, "");
}

static void basic_add(struct buffer *out, const char *user, const char *password)
{
        struct buffer pair = {0};
        buffer_printf(&pair, "%s:%s", user, password);
        buffer_add_text(out, "Basic ");
        base64_add(out, pair.data, pair.len);
        buffer_fini(&pair);
}

void mail_preset_authorization(struct buffer *out, const struct config_outlet *outlet)
{
        const struct mail_preset_rules rules = mail_preset_of(outlet);
        const char *key = outlet->http.api_key ? outlet->http.api_key : "";
        const char *username = outlet->http.username, *password = outlet->http.password;
        switch (rules.auth) {
        case PRESET_AUTH_HEADER:
                if (!*key)
                        return;
                buffer_add_text(out, rules.auth_prefix);
                if (rules.auth_prefix[0] && isalnum((unsigned char)out->data[out->len - 1]))
                        buffer_add_char(out, ' ');
                buffer_add_text(out, key);
                return;
        case PRESET_AUTH_API:
                basic_add(out, "api", key);
                return;
        case PRESET_AUTH_PAIR:
                if (*key) {
                        buffer_add_text(out, "Basic ");
                        base64_add(out, key, strlen(key));
                        return;
                }
                if (!username)
                        return;
                __attribute__((fallthrough));
        case PRESET_AUTH_BASIC:
                basic_add(out, text_or(username, ""), text_or(password, ""));
                return;
        case PRESET_AUTH_SIGV4:
                return;
        }
}

const char *mail_preset_lacks(const struct config_outlet *outlet)
{
        static const char *const names[] = {"url",    "api_key", "username", "password",
                                            "region", "domain",  "project"};
        const char *needs = mail_preset_rules(outlet->http.preset)->needs;
        for (size_t i = 0; needs && i < sizeof names / sizeof *names; i++)
                if (strstr(needs, names[i]) && !setting(outlet, slice_of(names[i])))
                        return names[i];
        return NULL;
}

/* ---- answers ---- */

/* "com.amazonaws.ses#ThrottlingException:http://.." is that one too. */
static bool is_code(struct slice said, const char *code)
{
        const char *colon = said.len ? memchr(said.data, ':', said.len) : NULL;
        if (colon)
                said.len = (size_t)(colon - said.data);
        const char *mark = said.len ? memchr(said.data, '#', said.len) : NULL;
        if (mark)
                said = (struct slice){.data = mark + 1, .len = said.len - (size_t)(mark + 1 - said.data)};
        return slice_is(said, code);
}

bool mail_preset_judge(const struct mail_preset_rules *rules, const struct preset_reply *reply,
                       struct preset_answer *verdict)
{
        struct slice code = reply->code_header;
        if (!code.len && rules->code_member)
                mail_json_path(reply->body, rules->code_member, &code);
        for (size_t i = 0; i < PRESET_ANSWERS_MAX; i++) {
                const struct preset_answer *row = &rules->answers[i];
                if (!row->status && !row->code)
                        return false;
                if ((row->status && row->status != reply->status) || (row->code && !is_code(code, row->code)))
                        continue;
                *verdict = *row;
                return true;
        }
        return false;
}

bool mail_preset_id(const struct mail_preset_rules *rules, const struct preset_reply *reply, struct slice *id)
{
        if (rules->id_header) {
                *id = reply->id_header;
                return id->len > 0;
        }
        return mail_json_path(reply->body, rules->id_member, id) && id->len > 0;
}

/* The first line of what is neither JSON nor html, nor packed, such as "Forbidden" of Mailgun. */
static bool plain_words(struct slice body, struct slice *words)
{
        body = slice_trimmed(body, " \t\r\n");
        if (body.len == 0 || (unsigned char)body.data[0] < ' ' || strchr("<{[", body.data[0]))
                return false;
        const char *end = memchr(body.data, '\n', body.len);
        body.len = end ? (size_t)(end - body.data) : body.len;
        *words = slice_trimmed(body, "\r");
        return true;
}

bool mail_preset_words(const struct mail_preset_rules *rules, struct slice body, struct slice *words)
{
        static const char *const members[] = {"message", "Message",       "ErrorMessage",     "error",
                                              "Error",   "error/message", "errors/0/message", "detail"};
        if (rules->error_member && mail_json_path(body, rules->error_member, words))
                return true;
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
                if (mail_json_path(body, members[i], words))
                        return true;
        return plain_words(body, words);
}

/* The words are cleaned as those of an error are. */
static void recipient_add(struct send_result *result, struct slice address, struct slice words,
                          const char *secret)
{
        struct send_result cleaned = {0};
        send_error_set(&cleaned, "", words, secret);
        send_refused_add(result->refused, address,
                         words.len ? cleaned.error + strlen(": ") : "refused, without a reason");
}

static void all_refused(struct send_result *result, const struct preset_refused *refused, const char *secret)
{
        int status = result->status;
        *result = send_result_of(SEND_PERMANENT);
        result->status = status;
        send_error_set(result, "no recipient is taken",
                       refused->listed ? refused->list[0].words : (struct slice){0}, secret);
}

bool mail_preset_refuses_all(const struct mail_preset_rules *rules, const struct preset_reply *reply,
                             const char *secret, struct send_result *result)
{
        struct preset_refused refused = {0};
        if (!rules->refused || reply->status / 100 != 2)
                return false;
        rules->refused(&refused, reply->body);
        if (refused.all) {
                all_refused(result, &refused, secret);
                return true;
        }
        for (size_t i = 0; i < refused.listed; i++)
                recipient_add(result, refused.list[i].address, refused.list[i].words, secret);
        if (refused.count > refused.listed) {
                char words[64];
                snprintf(words, sizeof words, "%zu more, not named by %s", refused.count - refused.listed,
                         rules->name);
                send_refused_add(result->refused, (struct slice){0}, words);
        }
        result->refused_count = refused.count;
        return false;
}
