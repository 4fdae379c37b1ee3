#ifndef LEVERET_CORE_DECLARED_H
#define LEVERET_CORE_DECLARED_H

#include "core/types/data.h"
#include "core/types/declared_type.h"
#include "core/types/mail_member_set.h"

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

enum { DECLARED_TEXTS_MAX = 4 };

struct declared_text {
        size_t offset; /* in struct post or struct outgoing */
        struct data_text text;
};

/* A webhook, or a message. */
struct declared_message {
        struct declared_text texts[DECLARED_TEXTS_MAX];
        size_t text_count;
        const struct data_value *data;
};

struct declared_effect {
        struct place_in_file place;
        enum effect_kind kind;
        const char *key;
        bool has_when, has_unless, has_each;
        struct data_pointer when, unless, each;
        const char *each_text;           /* as it is written, for errors */
        struct declared_mail mail;       /* EFFECT_MAIL */
        struct declared_message message; /* EFFECT_POST, EFFECT_PUBLISH */
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

/* ---- declared_message.c ---- */

/* The fields of a webhook or a message, as `effect->kind` says; faults are added. */
void declared_message_read(struct arena *arena, const struct document *node, struct declared_effect *effect,
                           struct file_faults *faults);
/* Adds the webhook to the plan; false with faults of the source. */
bool declared_post_plan(const struct declared_effect *effect, const char *key,
                        const struct data_source *source, struct plan *plan);
/* Adds the message to the plan, one of the batch if the effect has an `each`; false with faults. */
bool declared_publish_plan(const struct declared_effect *effect, const struct data_source *source,
                           struct plan *plan);
/* Tells each partial that a template in it names. */
void declared_message_references(const struct declared_message *message, template_reference *tell,
                                 void *context);

/* declared_plan.c: how the payload of such a type is read. */
extern const struct payload_kind declared_payload_kind;

#endif
