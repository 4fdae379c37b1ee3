#ifndef LEVERET_CORE_TEMPLATE_SET_H
#define LEVERET_CORE_TEMPLATE_SET_H

#include "core/template/template.h"

/*
 * The templates of a set of types, by name, language and kind: `<name>.html.mustache`, `<name>.txt.mustache`,
 * `<name>.de.html.mustache`, `<name>.de-AT.txt.mustache`. Partials and layouts are templates like others.
 */

enum { TEMPLATE_LOCALE_MAX = 35, TEMPLATES_MAX = 10000 };

struct template_name {
        struct slice name;
        struct slice locale; /* "" the neutral one */
        bool html;
};

struct template_entry {
        struct template_name name;
        const struct mustache *template;
};

struct template_set {
        struct template_entry *entries; /* sorted after template_set_sort */
        size_t count, room;
};

/* Takes a file's name apart; false if it is none of these forms. Slices into it. The last part before the
 * kind is the language if it looks like one: two or three lower-case letters and what may follow (RFC 5646
 * section 2.1). */
bool template_name_parse(struct template_name *name, const char *file);

void template_set_add(struct template_set *set, struct arena *arena, struct template_entry entry);
/* After all have been added. False with a fault for each that is there twice, each partial or layout that a
 * template names and that is not there for its language, and each language that has no neutral file or lacks
 * the html that the neutral one has: such a mail would be written in two languages. */
bool template_set_sort(struct template_set *set, struct file_faults *faults);

/* Exactly that one, or NULL. */
const struct mustache *template_set_get(const struct template_set *set, const struct template_name *name);
/* The language of a set that serves a wish best, for this name: de-AT, then de, then the neutral one. Case
 * and `_` for
 * `-` do not matter. False: nothing of that name is there. */
bool template_set_locale(const struct template_set *set, struct slice name, struct slice wish,
                         struct slice *locale);

/* How a template of the set finds its partials: of its kind, in its language, else in the languages below it.
 */
struct template_language {
        const struct template_set *set;
        struct slice locale;
        bool html;
};
const struct mustache *template_language_find(void *language, struct slice name);

#endif
