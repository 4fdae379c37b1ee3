#include "core/types/declared.h"

/* Webhooks and messages of a type from a file: a few texts, and data. */

struct message_text {
        const char *name;
        size_t offset; /* in struct post or struct outgoing */
        bool required;
};

static const struct message_text post_texts[] = {
        {"url", offsetof(struct post, url), .required = true},
        {"type", offsetof(struct post, type)},
        {"outlet", offsetof(struct post, outlet)},
        {0},
};

static const struct message_text publish_texts[] = {
        {"type", offsetof(struct outgoing, type), .required = true},
        {"subject", offsetof(struct outgoing, subject)},
        {"deliver_at", offsetof(struct outgoing, deliver_at)},
        {"exchange", offsetof(struct outgoing, exchange)},
        {0},
};

/* ---- Reading ---- */

struct message_reader {
        struct arena *arena;
        struct file_faults *faults;
        const struct message_text *texts;
        bool in_each;
};

static void keys_check(const struct message_reader *reader, const struct document *node)
{
        const char *keys[DECLARED_TEXTS_MAX + 3] = {"key", "data"};
        size_t count = 2;
        for (const struct message_text *text = reader->texts; text->name; text++) {
                keys[count++] = text->name;
                if (text->required && !document_get(node, text->name))
                        file_faults_add(reader->faults, document_place(node), "%s is required", text->name);
        }
        document_keys_known(node, keys, reader->faults);
}

/* A text is a pointer into the payload: "" is all of it. Anything else is made as it is written. */
static const struct data_value *declared_data_read(const struct message_reader *reader,
                                                   const struct document *node)
{
        struct data_value *value = arena_alloc(reader->arena, sizeof(*value));
        value->kind = DATA_POINTER;
        if (node->kind != DOCUMENT_TEXT)
                return data_value_read(reader->arena, node, reader->in_each, /* text_html = */ false,
                                       reader->faults);
        data_pointer_read(reader->arena, node, reader->in_each, &value->pointer, reader->faults);
        return value;
}

static void message_read(const struct message_reader *reader, const struct document *node,
                         struct declared_message *message)
{
        const struct document *data = document_get(node, "data");
        keys_check(reader, node);
        for (const struct message_text *text = reader->texts; text->name; text++) {
                const struct document *written = document_get(node, text->name);
                struct declared_text *made = &message->texts[message->text_count];
                if (!written || !data_text_read(reader->arena, written, false, &made->text, reader->faults))
                        continue;
                made->offset = text->offset;
                message->text_count++;
        }
        if (data)
                message->data = declared_data_read(reader, data);
        else
                file_faults_add(reader->faults, document_place(node),
                                "data is required: a JSON pointer (\"\" is the whole payload), or an object");
}

void declared_message_read(struct arena *arena, const struct document *node, struct declared_effect *effect,
                           struct file_faults *faults)
{
        struct message_reader reader = {
                .arena = arena,
                .faults = faults,
                .texts = effect->kind == EFFECT_POST ? post_texts : publish_texts,
                .in_each = effect->has_each,
        };
        message_read(&reader, node, &effect->message);
}

/* ---- Planning ---- */

/* Sets the texts in the struct at `to`; one that comes out empty is left unset. */
static bool texts_make(const struct declared_message *message, const struct data_source *source, void *to)
{
        bool good = true;
        for (size_t i = 0; i < message->text_count; i++) {
                const char *made = data_text_make(&message->texts[i].text, source, false);
                good = made && good;
                made = made && made[0] ? made : NULL;
                memcpy((char *)to + message->texts[i].offset, &made, sizeof(made));
        }
        return good;
}

static const char *data_make(const struct declared_message *message, const struct data_source *source)
{
        json_t *value = data_value_make(message->data, source);
        if (!value)
                return NULL;
        struct buffer text = {0};
        json_write(&text, value, JSON_COMPACT | JSON_ENCODE_ANY);
        const char *made = arena_copy(source->arena, text.data, text.len);
        buffer_fini(&text);
        json_decref(value);
        return made;
}

bool declared_post_plan(const struct declared_effect *effect, const char *key,
                        const struct data_source *source, struct plan *plan)
{
        struct post post = {.key = key};
        bool good = texts_make(&effect->message, source, &post);
        post.data = data_make(&effect->message, source);
        if (good && post.data)
                plan_post(plan, &post);
        return good && post.data;
}

bool declared_publish_plan(const struct declared_effect *effect, const struct data_source *source,
                           struct plan *plan)
{
        struct outgoing outgoing = {.key = effect->key};
        bool good = texts_make(&effect->message, source, &outgoing);
        outgoing.data = data_make(&effect->message, source);
        if (!good || !outgoing.data)
                return false;
        if (effect->has_each)
                plan_publish_item(plan, &outgoing);
        else
                plan_publish(plan, &outgoing);
        return true;
}

void declared_message_references(const struct declared_message *message, template_reference *tell,
                                 void *context)
{
        for (size_t i = 0; i < message->text_count; i++)
                data_text_references(&message->texts[i].text, tell, context);
        if (message->data)
                data_value_references(message->data, tell, context);
}
