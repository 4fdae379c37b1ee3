#include "core/send/mail_look.h"
#include "core/address/mailbox.h"
#include "core/codec/json_pointer.h"
#include "core/send/mail_preset.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct preset_look *look_of(const struct config_outlet *outlet)
{
        return &mail_preset_rules(outlet->http.preset)->look;
}

bool mail_look_possible(const struct config_outlet *outlet)
{
        return outlet->kind == OUTLET_MAIL && outlet->transport == TRANSPORT_HTTP && look_of(outlet)->path;
}

enum on_ambiguous mail_look_policy(const struct config_outlet *outlet)
{
        bool possible = mail_look_possible(outlet);
        if (outlet->has_on_ambiguous && (possible || outlet->on_ambiguous != ON_AMBIGUOUS_LOOKUP))
                return outlet->on_ambiguous;
        return possible && look_of(outlet)->by_default ? ON_AMBIGUOUS_LOOKUP : ON_AMBIGUOUS_RESEND;
}

int64_t mail_look_lag_ms(const struct config_outlet *outlet)
{
        return look_of(outlet)->lag_ms;
}

int64_t mail_look_retention_ms(const struct config_outlet *outlet)
{
        return look_of(outlet)->retention_ms;
}

int64_t mail_look_key_ms(const struct config_outlet *outlet)
{
        return mail_preset_rules(outlet->http.preset)->key_lifetime_ms;
}

const char *on_ambiguous_word(enum on_ambiguous on_ambiguous)
{
        static const char *const words[] = {[ON_AMBIGUOUS_RESEND] = "resend",
                                            [ON_AMBIGUOUS_PARK] = "park",
                                            [ON_AMBIGUOUS_LOOKUP] = "lookup"};
        return words[on_ambiguous];
}

/* ---- the question ---- */

static void token_add(struct buffer *out, const struct preset_look *look, const struct mail_request *request)
{
        size_t len = strlen(request->message_id);
        if (look->by_message_id && len > 2)
                buffer_add(out, request->message_id + 1, len - 2);
        else
                buffer_add_text(out, request->key);
}

static void to_add(struct buffer *out, const char *to)
{
        struct mailbox mailbox;
        if (!mailbox_take(&to, &mailbox))
                return;
        for (size_t i = 0; i < mailbox.address.len; i++) {
                unsigned char c = (unsigned char)mailbox.address.data[i];
                if (isalnum(c) || strchr("-._~@", c))
                        buffer_add_char(out, (char)c);
                else
                        buffer_printf(out, "%%%02X", c);
        }
}

bool mail_look_url(struct buffer *out, const struct config_outlet *outlet, const struct mail_request *request)
{
        const struct preset_look *look = look_of(outlet);
        struct buffer other = {0};
        if (!look->path)
                return false;
        if (strstr(look->path, "{to}"))
                to_add(&other, request->mail.to);
        else
                token_add(&other, look, request);
        mail_preset_url_of(out, outlet, look->path, other.data);
        buffer_fini(&other);
        return true;
}

struct mail_request mail_look_trial(struct arena *arena, const struct config_outlet *outlet)
{
        const char *from = outlet->from ? outlet->from : "leveret@localhost";
        const struct mail mail = {.key = "look-up", .to = from, .subject = "", .text = ""};
        return mail_request_make(arena, &mail,
                                 &(struct mail_origin){.prefix = "", .job_id = "look-up", .from = from});
}

/* ---- the answer ---- */

static bool holds_token(const json_t *value, const struct buffer *token)
{
        struct buffer text = {0};
        json_write(&text, value, JSON_COMPACT | JSON_ENCODE_ANY);
        bool holds = memmem(text.data, text.len, token->data, token->len) != NULL;
        buffer_fini(&text);
        return holds;
}

/* Is the item this mail? One that does not show tokens is believed, as it was asked for by one. */
static bool is_this_mail(const struct preset_look *look, const json_t *item, const struct buffer *token)
{
        return holds_token(item, token) ||
               (!look->page && !(look->mark && json_pointer_get(item, look->mark)));
}

static const json_t *item_of_mail(const struct preset_look *look, const json_t *list,
                                  const struct buffer *token)
{
        for (size_t i = 0; i < json_array_size(list); i++)
                if (is_this_mail(look, json_array_get(list, i), token))
                        return json_array_get(list, i);
        return NULL;
}

/* Does the list without the mail prove that there is none? Not if it may go on, nor if it holds others though
 * it was asked for one. */
static bool is_complete(const struct preset_look *look, const json_t *answer, const json_t *list)
{
        const json_t *count = look->count ? json_pointer_get(answer, look->count) : NULL;
        if (look->count && (!json_is_integer(count) || json_integer_value(count) != 0))
                return false;
        if (!json_is_array(list))
                return look->count && (!list || json_is_null(list));
        return json_array_size(list) < (look->page ? look->page : 1);
}

static void name_set(struct look_result *result, const json_t *item, const char *pointer)
{
        struct send_result named = send_result_of(SEND_DONE);
        const json_t *id = json_pointer_get(item, pointer);
        struct buffer text = {0};
        if (json_is_integer(id))
                json_write(&text, id, JSON_COMPACT | JSON_ENCODE_ANY);
        else if (id)
                buffer_add_slice(&text, json_text(id));
        send_provider_id_set(&named, (struct slice){.data = text.data, .len = text.len});
        snprintf(result->provider_id, sizeof result->provider_id, "%s", named.provider_id);
        buffer_fini(&text);
}

static enum look_answer mail_look_answer_judge(const struct preset_look *look, const json_t *answer,
                                               const struct buffer *token, struct look_result *result)
{
        const json_t *list = json_is_object(answer) ? json_pointer_get(answer, look->list) : NULL;
        const json_t *item = item_of_mail(look, list, token);
        if (item) {
                name_set(result, item, look->id);
                return LOOK_FOUND;
        }
        return json_is_object(answer) && is_complete(look, answer, list) ? LOOK_NOT_FOUND : LOOK_UNKNOWN;
}

static void look_error_set(struct look_result *result, const char *context, struct slice text,
                           const char *secret)
{
        struct send_result said = send_result_of(SEND_TRANSIENT);
        send_error_set(&said, context, text, secret);
        snprintf(result->error, sizeof result->error, "%s", said.error);
}

static void refusal_set(struct look_result *result, const struct config_outlet *outlet,
                        const struct look_reply *reply, const json_t *answer)
{
        char context[64], pointer[64];
        const char *member = mail_preset_rules(outlet->http.preset)->error_member;
        snprintf(context, sizeof context, "looked up: HTTP %d", reply->status);
        snprintf(pointer, sizeof pointer, "/%s", member ? member : "");
        look_error_set(result, context, json_text(answer ? json_pointer_get(answer, pointer) : NULL),
                       reply->secret);
        int64_t wait_ms = send_retry_after_ms(reply->retry_after, reply->now_s);
        result->retry_after_ms = wait_ms < reply->retry_after_max_ms ? wait_ms : reply->retry_after_max_ms;
        result->refused =
                reply->status < 500 && reply->status != 408 && reply->status != 425 && reply->status != 429;
}

struct look_result mail_look_judge(const struct config_outlet *outlet, const struct mail_request *request,
                                   const struct look_reply *reply)
{
        const struct preset_look *look = look_of(outlet);
        struct look_result result = {.answer = LOOK_UNKNOWN, .retry_after_ms = -1};
        char cause[JSON_CAUSE_MAX];
        json_t *answer = reply->body.len ? json_parse(reply->body, cause) : NULL;
        if (reply->status != 200) {
                refusal_set(&result, outlet, reply, answer);
                json_decref(answer);
                return result;
        }
        struct buffer token = {0};
        token_add(&token, look, request);
        result.answer = mail_look_answer_judge(look, answer, &token, &result);
        if (result.answer == LOOK_UNKNOWN)
                look_error_set(
                        &result, "looked up: HTTP 200",
                        SLICE_LITERAL("the answer is not one that the service documents for this mail"),
                        NULL);
        result.refused = !json_is_object(answer);
        buffer_fini(&token);
        json_decref(answer);
        return result;
}

struct look_result mail_look_unanswered(const char *cause)
{
        struct look_result result = {.answer = LOOK_UNKNOWN, .retry_after_ms = -1};
        look_error_set(&result, "looked up: no answer", slice_of(cause), NULL);
        return result;
}
