#include "core/types/template_set.h"

#include <stdlib.h>

/* ---- Names ---- */

static bool letters_only(struct slice text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 'a' || text.data[i] > 'z')
                        return false;
        return true;
}

static bool is_locale(struct slice text)
{
        size_t language = 0;
        while (language < text.len && text.data[language] != '-')
                language++;
        if (language < 2 || language > 3 || text.len > TEMPLATE_LOCALE_MAX ||
            !letters_only((struct slice){.data = text.data, .len = language}))
                return false;
        for (size_t i = language; i < text.len; i++) {
                char c = text.data[i];
                bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                if (!letter && (c != '-' || i + 1 == text.len || text.data[i + 1] == '-'))
                        return false;
        }
        return true;
}

static bool cut_end(struct slice *text, const char *end)
{
        size_t len = strlen(end);
        if (text->len <= len || memcmp(text->data + text->len - len, end, len) != 0)
                return false;
        text->len -= len;
        return true;
}

bool template_name_parse(struct template_name *name, const char *file)
{
        struct slice rest = slice_of(file);
        *name = (struct template_name){.locale = SLICE_LITERAL("")};
        if (!cut_end(&rest, ".mustache"))
                return false;
        name->html = cut_end(&rest, ".html");
        if (!name->html && !cut_end(&rest, ".txt"))
                return false;
        size_t dot = rest.len;
        while (dot > 0 && rest.data[dot - 1] != '.')
                dot--;
        struct slice last = {.data = rest.data + dot, .len = rest.len - dot};
        if (dot > 1 && is_locale(last)) {
                name->locale = last;
                rest.len = dot - 1;
        }
        name->name = rest;
        return rest.len > 0;
}

/* ---- The set ---- */

void template_set_add(struct template_set *set, struct arena *arena, struct template_entry entry)
{
        if (set->count == set->room) {
                size_t room = set->room ? 2 * set->room : 16;
                struct template_entry *larger = arena_alloc(arena, room * sizeof(*larger));
                if (set->count)
                        memcpy(larger, set->entries, set->count * sizeof(*larger));
                set->entries = larger;
                set->room = room;
        }
        set->entries[set->count++] = entry;
}

static int slice_order(struct slice a, struct slice b)
{
        int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
        if (order)
                return order;
        return a.len < b.len ? -1 : a.len > b.len;
}

/* de_at is de-AT: people and systems write them in many ways. */
static int locale_letter(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A' + 'a';
        return c == '_' ? '-' : c;
}

static int locale_order(struct slice a, struct slice b)
{
        for (size_t i = 0; i < a.len && i < b.len; i++)
                if (locale_letter(a.data[i]) != locale_letter(b.data[i]))
                        return locale_letter(a.data[i]) - locale_letter(b.data[i]);
        return a.len < b.len ? -1 : a.len > b.len;
}

static int name_order(const struct template_name *a, const struct template_name *b)
{
        int order = slice_order(a->name, b->name);
        if (order == 0)
                order = locale_order(a->locale, b->locale);
        return order ? order : (int)a->html - (int)b->html;
}

static int entry_order(const void *a, const void *b)
{
        const struct template_entry *left = a, *right = b;
        return name_order(&left->name, &right->name);
}

const struct mustache *template_set_get(const struct template_set *set, const struct template_name *name)
{
        struct template_entry wanted = {.name = *name};
        const struct template_entry *found =
                set->count ? bsearch(&wanted, set->entries, set->count, sizeof(wanted), entry_order) : NULL;
        return found ? found->template : NULL;
}

/* `de-AT` to `de` to "". False: there is nothing below. */
static bool locale_shorten(struct slice *locale)
{
        if (locale->len == 0)
                return false;
        while (locale->len > 0 && locale_letter(locale->data[locale->len - 1]) != '-')
                locale->len--;
        if (locale->len > 0)
                locale->len--;
        return true;
}

bool template_set_locale(const struct template_set *set, struct slice name, struct slice wish,
                         struct slice *locale)
{
        struct template_name wanted = {.name = name, .locale = wish};
        do {
                for (int html = 0; html <= 1; html++) {
                        wanted.html = html;
                        if (!template_set_get(set, &wanted))
                                continue;
                        *locale = wanted.locale;
                        return true;
                }
        } while (locale_shorten(&wanted.locale));
        return false;
}

const struct mustache *template_language_find(void *context, struct slice name)
{
        const struct template_language *language = context;
        struct template_name wanted = {.name = name, .locale = language->locale, .html = language->html};
        const struct mustache *found;
        do
                found = template_set_get(language->set, &wanted);
        while (!found && locale_shorten(&wanted.locale));
        return found;
}

/* ---- What is wrong with a set ---- */

struct reference_check {
        struct template_language language;
        struct file_faults *faults;
};

static void reference_check_one(void *context, struct place_in_file place, struct slice name)
{
        struct reference_check *check = context;
        if (template_language_find(&check->language, name))
                return;
        file_faults_add(check->faults, place, "there is no %.*s.%s.mustache", SLICE_PRINT(name),
                        check->language.html ? "html" : "txt");
}

static bool has(const struct template_set *set, struct slice name, struct slice locale, bool html)
{
        struct template_name wanted = {.name = name, .locale = locale, .html = html};
        return template_set_get(set, &wanted) != NULL;
}

static void entry_check(const struct template_set *set, const struct template_entry *entry,
                        struct file_faults *faults)
{
        struct place_in_file place = {.file = entry->template->file};
        struct slice neutral = SLICE_LITERAL(""), name = entry->name.name, locale = entry->name.locale;
        struct reference_check check = {.language = {.set = set, .locale = locale, .html = entry->name.html},
                                        .faults = faults};
        template_references(entry->template, reference_check_one, &check);
        if (locale.len == 0)
                return;
        if (!has(set, name, neutral, true) && !has(set, name, neutral, false))
                file_faults_add(faults, place,
                                "there is no file without a language beside it: %.*s.%s.mustache",
                                SLICE_PRINT(name), entry->name.html ? "html" : "txt");
        if (has(set, name, neutral, true) && !has(set, name, locale, true))
                file_faults_add(faults, place, "there is no %.*s.%.*s.html.mustache beside it",
                                SLICE_PRINT(name), SLICE_PRINT(locale));
}

bool template_set_sort(struct template_set *set, struct file_faults *faults)
{
        size_t before = faults->count;
        if (set->count)
                qsort(set->entries, set->count, sizeof(*set->entries), entry_order);
        for (size_t i = 1; i < set->count; i++)
                if (entry_order(&set->entries[i - 1], &set->entries[i]) == 0)
                        file_faults_add(faults,
                                        (struct place_in_file){.file = set->entries[i].template->file},
                                        "is there twice: %s", set->entries[i - 1].template->file);
        for (size_t i = 0; i < set->count; i++)
                entry_check(set, &set->entries[i], faults);
        return faults->count == before;
}
