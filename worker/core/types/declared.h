#ifndef LEVERET_CORE_DECLARED_H
#define LEVERET_CORE_DECLARED_H

#include "core/types/data.h"
#include "core/types/declared_type.h"
#include "core/types/mail_member.h"

/* Inside core/types only: a type from a file, compiled. */

enum { DECLARED_EFFECTS_MAX = 32 };

struct declared_member {
        const struct mail_member *member;
        const struct data_value *value;
        bool html;
};

struct declared_mail {
        struct declared_member *members;
        size_t member_count;
        const char *template; /* its name, or NULL */
        struct place_in_file template_place;
        bool has_locale;
        struct data_text locale;
};

struct declared_effect {
        struct place_in_file place;
        const char *key;
        bool has_when, has_unless, has_each;
        struct data_pointer when, unless, each;
        const char *each_text; /* as it is written, for errors */
        struct declared_mail mail;
};

struct declared_type {
        struct handler handler; /* the first: a handler of a registry is one of these */
        const struct document *document;
        const struct payload_schema *schema;
        const struct template_set *templates;
        struct declared_effect *effects;
        size_t effect_count;
        json_t *example;
        struct place_in_file example_place;
};

/* declared_plan.c: how the payload of such a type is read. */
extern const struct payload_kind declared_payload_kind;

#endif
