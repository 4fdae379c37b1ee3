#include "core/text/word.h"
#include "core/types/declared.h"

/* Whether a type can do what it says, told before a message asks for it. */

struct declared_check {
        const struct declared_type *type;
        struct file_faults *faults;
        bool html; /* of the text whose partials are looked at */
};

static void partial_check(void *context, struct place_in_file place, struct slice name)
{
        struct declared_check *check = context;
        struct template_language language = {
                .set = check->type->templates, .locale = SLICE_LITERAL(""), .html = check->html};
        if (!template_language_find(&language, name))
                file_faults_add(check->faults, place, "there is no %.*s.%s.mustache", SLICE_PRINT(name),
                                check->html ? "html" : "txt");
}

static void example_plan(const struct declared_check *check, const char *locale)
{
        struct arena arena;
        struct plan *plan;
        arena_init(&arena);
        struct faults faults = {.arena = &arena};
        if (declared_type_preview(&check->type->handler, check->type->example, locale, &plan, &faults) !=
            PLAN_OK)
                for (const struct fault *fault = faults.first; fault; fault = fault->next)
                        file_faults_add(check->faults, check->type->example_place, "example%s%s: %s",
                                        text_if(locale && *locale, " in "), text_or(locale, ""), fault->text);
        arena_fini(&arena);
}

/* The languages of a mail's templates but the neutral one, each once. */
static void languages_tell(const struct declared_type *type, const struct declared_mail *mail,
                           declared_type_language *tell, void *context)
{
        const struct template_set *set = type->templates;
        struct slice name = slice_of(mail->template), last = {0};
        for (size_t i = 0; i < set->count; i++) {
                const struct template_name *each = &set->entries[i].name;
                if (!slice_equal(each->name, name) || each->locale.len == 0 ||
                    slice_equal(each->locale, last))
                        continue;
                last = each->locale;
                char locale[TEMPLATE_LOCALE_MAX + 1] = "";
                memcpy(locale, last.data, last.len);
                tell(context, locale);
        }
}

/* A sentence may be broken in one language alone. */
static void language_check(void *check, const char *locale)
{
        example_plan(check, locale);
}

void declared_type_languages(const struct handler *handler, declared_type_language *tell, void *context)
{
        const struct declared_type *type = (const struct declared_type *)(const void *)handler;
        for (size_t i = 0; handler->kind == &declared_payload_kind && i < type->effect_count; i++)
                if (type->effects[i].kind == EFFECT_MAIL && type->effects[i].mail.template)
                        languages_tell(type, &type->effects[i].mail, tell, context);
}

static void effect_check(struct declared_check *check, const struct declared_effect *effect)
{
        const struct declared_mail *mail = &effect->mail;
        struct slice locale;
        for (size_t i = 0; i < mail->member_count; i++) {
                check->html = mail->members[i].html;
                data_value_references(mail->members[i].value, partial_check, check);
        }
        check->html = false;
        declared_message_references(&effect->message, partial_check, check);
        if (mail->template && !template_set_locale(check->type->templates, slice_of(mail->template),
                                                   SLICE_LITERAL(""), &locale))
                file_faults_add(check->faults, mail->template_place,
                                "there is no templates/%.100s.html.mustache and no .txt.mustache",
                                mail->template);
}

void declared_type_check(const struct declared_type *type, struct file_faults *faults)
{
        struct declared_check check = {.type = type, .faults = faults};
        size_t before = faults->count;
        for (size_t i = 0; i < type->effect_count; i++)
                effect_check(&check, &type->effects[i]);
        if (faults->count != before)
                return;
        example_plan(&check, NULL);
        for (size_t i = 0; i < type->effect_count && faults->count == before; i++)
                if (type->effects[i].mail.template)
                        languages_tell(type, &type->effects[i].mail, language_check, &check);
}
