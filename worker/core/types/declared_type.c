#include "core/plan/registry.h"
#include "core/types/declared.h"

enum { SUMMARY_MAX = 200 };

struct type_reader {
        struct arena *arena;
        struct file_faults *faults;
};

static bool fault_at(struct type_reader *reader, const struct document *node, const char *message)
{
        return file_faults_add(reader->faults, document_place(node), "%s", message);
}

/* ---- Mail ---- */

static const struct mail_member *member_find(const char *name)
{
        for (size_t i = 0; i < MAIL_MEMBERS; i++)
                if (strcmp(mail_members[i].name, name) == 0)
                        return &mail_members[i];
        return NULL;
}

static void mail_keys_check(struct type_reader *reader, const struct document *node)
{
        static const char *const others[] = {"key", "template", "locale"};
        const char *keys[MAIL_MEMBERS + 4] = {0};
        size_t count = 0;
        for (; count < MAIL_MEMBERS; count++)
                keys[count] = mail_members[count].name;
        for (size_t i = 0; i < 3; i++)
                keys[count++] = others[i];
        document_keys_known(node, keys, reader->faults);
        for (size_t i = 0; i < MAIL_MEMBERS; i++)
                if (mail_members[i].required && !document_get(node, mail_members[i].name))
                        file_faults_add(reader->faults, document_place(node), "%s is required",
                                        mail_members[i].name);
}

static void template_read(struct type_reader *reader, const struct document *node, struct declared_mail *mail)
{
        const struct document *template = document_get(node, "template"),
                              *locale = document_get(node, "locale");
        const struct document *text = document_get(node, "text"), *html = document_get(node, "html");
        if (template && (text || html))
                fault_at(reader, text ? text : html, "template and this exclude each other");
        if (!template && !text && !html)
                fault_at(reader, node, "a template, a text or a html is required");
        if (template) {
                mail->template = document_text(template, "the name of a template", reader->faults);
                mail->template_place = document_place(template);
        }
        mail->has_locale =
                locale && data_text_read(reader->arena, locale, false, &mail->locale, reader->faults);
}

static void declared_mail_read(struct type_reader *reader, const struct document *node, bool in_each,
                               struct declared_mail *mail)
{
        mail_keys_check(reader, node);
        template_read(reader, node, mail);
        mail->members = arena_alloc(reader->arena, MAIL_MEMBERS * sizeof(*mail->members));
        for (const struct document *each = node->first; each; each = each->next) {
                const struct mail_member *member = member_find(each->key);
                if (!member)
                        continue;
                struct declared_member *made = &mail->members[mail->member_count];
                made->member = member;
                made->html = strcmp(member->name, "html") == 0;
                made->value = data_value_read(reader->arena, each, in_each, made->html, reader->faults);
                mail->member_count += made->value != NULL;
        }
}

/* ---- Effects ---- */

static bool pointer_read(struct type_reader *reader, const struct document *node, bool in_each,
                         struct data_pointer *pointer)
{
        return node && data_pointer_read(reader->arena, node, in_each, pointer, reader->faults);
}

static void conditions_read(struct type_reader *reader, const struct document *node,
                            struct declared_effect *effect)
{
        const struct document *each = document_get(node, "each");
        effect->has_each = pointer_read(reader, each, false, &effect->each);
        effect->each_text = effect->has_each ? each->text : NULL;
        effect->has_when = pointer_read(reader, document_get(node, "when"), each != NULL, &effect->when);
        effect->has_unless =
                pointer_read(reader, document_get(node, "unless"), each != NULL, &effect->unless);
}

static void key_read(struct type_reader *reader, const struct document *node, struct declared_effect *effect)
{
        const struct document *key = document_get(node, "key");
        if (!key) {
                fault_at(reader, node, "key is required: it names the effect for ever");
                return;
        }
        effect->key = document_text(key, "a key", reader->faults);
        if (effect->key && !plan_key_valid(effect->key))
                fault_at(reader, key, "expected 1 to 64 of [a-z0-9._-]");
}

/* The one of mail, post and publish that there is; NULL with a fault. */
static const struct document *kind_read(struct type_reader *reader, const struct document *node,
                                        struct declared_effect *effect)
{
        static const char *const kinds[] = {
                [EFFECT_MAIL] = "mail", [EFFECT_POST] = "post", [EFFECT_PUBLISH] = "publish"};
        const struct document *found = NULL;
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
                const struct document *fields = document_get(node, kinds[i]);
                if (!fields)
                        continue;
                if (found)
                        fault_at(reader, fields, "an effect is one of mail, post and publish");
                found = fields;
                effect->kind = (enum effect_kind)i;
        }
        if (found && found->kind == DOCUMENT_MAP)
                return found;
        fault_at(reader, found ? found : node, "expected mail:, post: or publish: with its fields");
        return NULL;
}

static void declared_effect_read(struct type_reader *reader, const struct document *node,
                                 struct declared_effect *effect)
{
        static const char *const keys[] = {"mail", "post", "publish", "when", "unless", "each", NULL};
        effect->place = document_place(node);
        if (node->kind != DOCUMENT_MAP) {
                fault_at(reader, node, "expected an effect, as {mail: {key: .., to: ..}}");
                return;
        }
        document_keys_known(node, keys, reader->faults);
        conditions_read(reader, node, effect);
        const struct document *fields = kind_read(reader, node, effect);
        if (!fields)
                return;
        key_read(reader, fields, effect);
        if (effect->kind == EFFECT_MAIL)
                declared_mail_read(reader, fields, document_get(node, "each") != NULL, &effect->mail);
        else
                declared_message_read(reader->arena, fields, effect, reader->faults);
}

static void keys_differ(struct type_reader *reader, const struct declared_type *type)
{
        for (size_t i = 0; i < type->effect_count; i++)
                for (size_t j = 0; j < i && type->effects[i].key; j++)
                        if (type->effects[j].key && strcmp(type->effects[i].key, type->effects[j].key) == 0)
                                file_faults_add(reader->faults, type->effects[i].place,
                                                "another effect has the key %s", type->effects[i].key);
}

static void declared_effects_read(struct type_reader *reader, const struct document *list,
                                  struct declared_type *type)
{
        if (!list || list->kind != DOCUMENT_LIST || list->count == 0 || list->count > DECLARED_EFFECTS_MAX) {
                fault_at(reader, list ? list : type->document, "expected effects: a list of 1 to 32");
                return;
        }
        type->effects = arena_alloc(reader->arena, list->count * sizeof(*type->effects));
        for (const struct document *each = list->first; each; each = each->next)
                declared_effect_read(reader, each, &type->effects[type->effect_count++]);
        keys_differ(reader, type);
}

/* ---- The type ---- */

static void name_read(struct type_reader *reader, const struct document *node, const char *wanted,
                      struct declared_type *type)
{
        const struct document *name = document_get(node, "type");
        const char *text = name ? document_text(name, "a type", reader->faults) : NULL;
        if (!name)
                fault_at(reader, node, "type is required");
        else if (text && !handler_type_valid(slice_of(text)))
                fault_at(reader, name,
                         "a type is dotted lower-case words and a version, as order.created.v1");
        else if (text && strcmp(text, wanted) != 0)
                file_faults_add(reader->faults, document_place(name),
                                "the file of this type is named %.130s.yaml", text);
        type->handler.type = text;
}

static void summary_read(struct type_reader *reader, const struct document *node, struct declared_type *type)
{
        const struct document *summary = document_get(node, "summary");
        type->handler.summary = summary ? document_text(summary, "one sentence", reader->faults) : NULL;
        if (!summary)
                fault_at(reader, node, "summary is required: one sentence for people");
        else if (type->handler.summary && strlen(type->handler.summary) > SUMMARY_MAX)
                fault_at(reader, summary, "expected at most 200 bytes");
}

static void example_read(struct type_reader *reader, const struct document *node, struct declared_type *type)
{
        const struct document *example = document_get(node, "example");
        if (!example) {
                fault_at(reader, node, "example is required: a payload that is accepted");
                return;
        }
        struct buffer text = {0};
        type->example = document_json(example);
        type->example_place = document_place(example);
        json_write(&text, type->example, 0);
        type->handler.example = arena_copy(reader->arena, text.data, text.len);
        buffer_fini(&text);
}

struct declared_type *declared_type_compile(struct arena *arena, const struct document *document,
                                            const char *type, const struct template_set *templates,
                                            struct file_faults *faults)
{
        static const char *const keys[] = {"type", "summary", "payload", "example", "effects", NULL};
        struct type_reader reader = {.arena = arena, .faults = faults};
        size_t before = faults->count;
        struct declared_type *made = arena_alloc(arena, sizeof(*made));
        made->document = document;
        made->templates = templates;
        made->handler.kind = &declared_payload_kind;
        if (document->kind != DOCUMENT_MAP) {
                fault_at(&reader, document, "expected type, summary, payload, example and effects");
                return NULL;
        }
        document_keys_known(document, keys, faults);
        name_read(&reader, document, type, made);
        summary_read(&reader, document, made);
        const struct document *payload = document_get(document, "payload");
        if (payload)
                made->schema = payload_schema_compile(arena, payload, faults);
        else
                fault_at(&reader, document, "payload is required: its JSON Schema");
        example_read(&reader, document, made);
        declared_effects_read(&reader, document_get(document, "effects"), made);
        if (faults->count == before)
                return made;
        declared_type_release(made);
        return NULL;
}

void declared_type_release(struct declared_type *type)
{
        payload_schema_release(type->schema);
        json_decref(type->example);
        type->schema = NULL;
        type->example = NULL;
}

struct handler *declared_type_handler(struct declared_type *type)
{
        return &type->handler;
}

struct place_in_file declared_type_place(const struct handler *handler)
{
        return document_place(((const struct declared_type *)handler)->document);
}
