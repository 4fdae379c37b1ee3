#include "core/types/declared.h"

#include <ctype.h>
#include <stdlib.h>

/* One payload on its way to a plan. */
struct planning {
        const struct declared_type *type;
        struct plan *plan;
        struct data_source source;
        const char *locale; /* in place of the one that the type chooses; NULL: none */
};

/* ---- One mail ---- */

static bool locale_fits(struct slice text)
{
        for (size_t i = 0; i < text.len; i++)
                if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '-' && text.data[i] != '_')
                        return false;
        return text.len <= TEMPLATE_LOCALE_MAX;
}

/* Which language is wished for; a missing one is the neutral one. */
static bool locale_wish(struct planning *planning, const struct declared_mail *mail, struct slice *wish)
{
        const char *text = planning->locale ? planning->locale : "";
        *wish = SLICE_LITERAL("");
        if (!planning->locale && mail->has_locale)
                text = data_text_make(&mail->locale, &planning->source, true);
        if (!text)
                return false;
        if (!locale_fits(slice_of(text))) {
                faults_add(planning->source.faults, "locale: expected a language, as de or de-AT");
                return false;
        }
        *wish = slice_of(text);
        return true;
}

/* Only a body has lines: that the file of a partial ends with one is no part of a subject. */
static void line_end_cut(char *text)
{
        size_t len = strlen(text);
        if (len > 0 && text[len - 1] == '\n')
                text[--len] = '\0';
        if (len > 0 && text[len - 1] == '\r')
                text[len - 1] = '\0';
}

/* A text is by far the most frequent and needs no JSON. */
static bool text_member(struct planning *planning, const struct declared_member *declared, struct mail *mail)
{
        const char *made = data_text_make(&declared->value->text, &planning->source, false);
        if (!made)
                return false;
        if (declared->member->form != FORM_BODY && !declared->value->text.literal)
                line_end_cut((char *)(uintptr_t)made);
        if (!made[0])
                made = NULL;
        memcpy((char *)mail + declared->member->offset, &made, sizeof(made));
        return true;
}

static bool any_member(struct planning *planning, const struct declared_member *declared, struct mail *mail)
{
        const char *expected;
        json_t *value = data_value_make(declared->value, &planning->source);
        if (!value)
                return false;
        bool ok = mail_member_set(planning->source.arena, declared->member, mail, value, &expected);
        json_decref(value);
        if (!ok)
                faults_add(planning->source.faults, "mail %s: /%s: expected %s", mail->key,
                           declared->member->name, expected);
        return ok;
}

static bool mail_members_make(struct planning *planning, const struct declared_mail *declared,
                              struct mail *mail)
{
        bool good = true;
        for (size_t i = 0; i < declared->member_count; i++) {
                const struct declared_member *each = &declared->members[i];
                bool text = each->value->kind == DATA_TEXT && each->member->kind == MEMBER_TEXT &&
                            !mail_member_is_mailboxes(each->member);
                good = (text ? text_member(planning, each, mail) : any_member(planning, each, mail)) && good;
        }
        return good;
}

static const char *template_part(struct planning *planning, const struct declared_mail *declared, bool html)
{
        struct template_name name = {
                .name = slice_of(declared->template), .locale = planning->source.locale, .html = html};
        const struct mustache *template = template_set_get(planning->type->templates, &name);
        return template ? data_template_make(template, &planning->source, false) : NULL;
}

static bool mail_template(struct planning *planning, const struct declared_mail *declared, struct mail *mail)
{
        if (!declared->template)
                return true;
        size_t before = planning->source.faults->count;
        mail->html = template_part(planning, declared, true);
        mail->text = template_part(planning, declared, false);
        return planning->source.faults->count == before;
}

/* Of a mail that says nothing of a text, one is made of its html; `text: null` wants none. */
static void text_of_html(struct planning *planning, const struct declared_mail *declared, struct mail *mail)
{
        for (size_t i = 0; i < declared->member_count; i++)
                if (strcmp(declared->members[i].member->name, "text") == 0)
                        return;
        if (mail->html && !mail->text)
                mail->text = plan_html_text(planning->plan, mail->html);
}

static bool mail_plan(struct planning *planning, const struct declared_effect *effect, const char *key)
{
        const struct declared_mail *declared = &effect->mail;
        struct mail mail = {.key = key};
        struct slice wish;
        if (!locale_wish(planning, declared, &wish))
                return false;
        planning->source.locale = wish;
        if (declared->template)
                template_set_locale(planning->type->templates, slice_of(declared->template), wish,
                                    &planning->source.locale);
        bool members = mail_members_make(planning, declared, &mail);
        if (!mail_template(planning, declared, &mail) || !members)
                return false;
        text_of_html(planning, declared, &mail);
        plan_mail(planning->plan, &mail);
        return true;
}

/* ---- Effects ---- */

static bool wanted(const struct planning *planning, const struct declared_effect *effect)
{
        return (!effect->has_when || template_truth(data_pointer_value(&effect->when, &planning->source))) &&
               (!effect->has_unless ||
                !template_truth(data_pointer_value(&effect->unless, &planning->source)));
}

static bool effect_plan(struct planning *planning, const struct declared_effect *effect, const char *key)
{
        if (!wanted(planning, effect))
                return true;
        planning->source.locale = SLICE_LITERAL("");
        switch (effect->kind) {
        case EFFECT_MAIL:
                return mail_plan(planning, effect, key);
        case EFFECT_POST:
                return declared_post_plan(effect, key, &planning->source, planning->plan);
        case EFFECT_PUBLISH:
                return declared_publish_plan(effect, &planning->source, planning->plan);
        }
        abort();
}

static bool item_plan(struct planning *planning, const struct declared_effect *effect, size_t index)
{
        json_t *numbered = json_pack("{s:I}", "@index", (json_int_t)index);
        struct template_scope payload = {.value = planning->source.payload};
        struct template_scope number = {.outer = &payload, .value = numbered};
        struct template_scope item = {.outer = &number, .value = planning->source.item};
        planning->source.scope = &item;
        bool good = effect_plan(planning, effect,
                                arena_printf(planning->plan->arena, "%s.%zu", effect->key, index));
        json_decref(numbered);
        return good;
}

/* An effect for each item, or a message of a batch; until there is one that the plan refuses. */
static bool each_plan(struct planning *planning, const struct declared_effect *effect)
{
        bool good = true;
        const json_t *list = data_pointer_value(&effect->each, &planning->source);
        if (!list || json_is_null(list))
                return true;
        if (!json_is_array(list)) {
                faults_add(planning->source.faults, "%s: expected a list", effect->each_text);
                return false;
        }
        for (size_t i = 0; i < json_array_size(list) && !planning->plan->rejected; i++) {
                planning->source.item = json_array_get(list, i);
                good = item_plan(planning, effect, i) && good;
        }
        return good;
}

static bool effects_plan(struct planning *planning, const json_t *payload)
{
        bool good = true;
        struct template_scope scope = {.value = payload};
        for (size_t i = 0; i < planning->type->effect_count && !planning->plan->rejected; i++) {
                const struct declared_effect *effect = &planning->type->effects[i];
                planning->source.item = payload;
                planning->source.scope = &scope;
                good = (effect->has_each ? each_plan(planning, effect)
                                         : effect_plan(planning, effect, effect->key)) &&
                       good;
        }
        return good;
}

static bool plan_in(const struct handler *handler, const json_t *payload, const char *locale,
                    struct plan *plan, struct faults *faults)
{
        const struct declared_type *type = (const struct declared_type *)handler;
        struct planning planning = {.type = type,
                                    .plan = plan,
                                    .locale = locale,
                                    .source = {.arena = plan->arena,
                                               .faults = faults,
                                               .payload = payload,
                                               .templates = type->templates}};
        return effects_plan(&planning, payload);
}

/* ---- As plan_build has it ---- */

static bool declared_check(const struct handler *handler, const json_t *payload, struct faults *faults)
{
        return payload_check(((const struct declared_type *)handler)->schema, payload, faults);
}

static bool declared_plan(const struct handler *handler, const json_t *payload, struct plan *plan,
                          struct faults *faults)
{
        return plan_in(handler, payload, NULL, plan, faults);
}

static void declared_describe(const struct handler *handler, struct buffer *out)
{
        payload_describe(out, ((const struct declared_type *)handler)->schema);
}

static json_t *declared_schema(const struct handler *handler)
{
        return payload_schema_json(((const struct declared_type *)handler)->schema);
}

const struct payload_kind declared_payload_kind = {.check = declared_check,
                                                   .plan = declared_plan,
                                                   .describe = declared_describe,
                                                   .schema = declared_schema};

enum plan_outcome declared_type_preview(const struct handler *handler, const json_t *payload,
                                        const char *locale, struct plan **plan, struct faults *faults)
{
        *plan = NULL;
        if (!declared_check(handler, payload, faults))
                return PLAN_BAD_PAYLOAD;
        *plan = arena_alloc(faults->arena, sizeof(**plan));
        (*plan)->arena = faults->arena;
        (*plan)->templates = handler->templates;
        if (!plan_in(handler, payload, locale, *plan, faults))
                return PLAN_BAD_PAYLOAD;
        if ((*plan)->rejected)
                faults_add(faults, "%s", (*plan)->reason);
        return (*plan)->rejected ? PLAN_REJECTED : PLAN_OK;
}
