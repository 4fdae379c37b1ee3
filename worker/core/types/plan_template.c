#include "core/plan/plan.h"
#include "core/types/data.h"

char *plan_escape(struct plan *plan, const char *text)
{
        if (!text)
                return NULL;
        struct buffer out = {0};
        template_escape(&out, slice_of(text));
        char *escaped = arena_copy(plan->arena, out.data ? out.data : "", out.len);
        buffer_fini(&out);
        return escaped;
}

static char *template_reject(struct plan *plan, const char *name, const char *what)
{
        plan_reject(plan, plan_printf(plan, "template %s: %s", name, what));
        return NULL;
}

static bool ends_in(struct slice *name, const char *end)
{
        size_t len = strlen(end);
        if (name->len <= len || memcmp(name->data + name->len - len, end, len) != 0)
                return false;
        name->len -= len;
        return true;
}

/* The template and its language; NULL if there is none. */
static const struct mustache *template_named(const struct template_set *set, const char *file,
                                             struct slice wish, struct slice *locale)
{
        struct template_name wanted = {.name = slice_of(file)};
        bool text = ends_in(&wanted.name, ".txt");
        wanted.html = !text && ends_in(&wanted.name, ".html");
        if (!set || !template_set_locale(set, wanted.name, wish, locale))
                return NULL;
        wanted.locale = *locale;
        if (text || wanted.html)
                return template_set_get(set, &wanted);
        wanted.html = true;
        const struct mustache *html = template_set_get(set, &wanted);
        wanted.html = false;
        return html ? html : template_set_get(set, &wanted);
}

char *plan_template(struct plan *plan, const char *name, const char *locale, const char *json_text)
{
        char error[JSON_CAUSE_MAX];
        struct slice language = SLICE_LITERAL("");
        struct slice wish = locale ? slice_of(locale) : language;
        plan->templated = true;
        const struct mustache *template = template_named(plan->templates, name, wish, &language);
        if (!template)
                return template_reject(plan, name, "there is none of that name");
        json_t *data = json_parse(slice_of(json_text), error);
        if (!data)
                return template_reject(plan, name, error);
        struct faults faults = {.arena = plan->arena};
        struct template_scope scope = {.value = data};
        struct data_source source = {.arena = plan->arena,
                                     .faults = &faults,
                                     .scope = &scope,
                                     .templates = plan->templates,
                                     .locale = language};
        const char *made = data_template_make(template, &source, false);
        json_decref(data);
        return made ? (char *)(uintptr_t)made : template_reject(plan, name, faults.first->text);
}
