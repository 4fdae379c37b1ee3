#ifndef LEVERET_CORE_TYPES_DATA_H
#define LEVERET_CORE_TYPES_DATA_H

#include "core/text/faults.h"
#include "core/types/document.h"
#include "core/types/template_set.h"

/* Inside core/types only: what an effect says, made with a payload. */

/* Where the values of an effect come from while one is made. */
struct data_source {
        struct arena *arena; /* what is made lies here */
        struct faults *faults;
        const json_t *payload, *item;       /* item: that of `each`, else the payload */
        const struct template_scope *scope; /* the item, then the payload, and @index */
        const struct template_set *templates;
        struct slice locale;
};

/* A JSON pointer (RFC 6901), into the item or, from `each` on with two slashes, into the payload. */
struct data_pointer {
        bool from_payload;
        const char *const *parts;
        size_t count;
};
/* False with a fault. `in_each`: `//x` is /x of the payload. */
bool data_pointer_read(struct arena *arena, const struct document *node, bool in_each,
                       struct data_pointer *pointer, struct file_faults *faults);
/* The value, borrowed from the payload, or NULL: there is none. */
const json_t *data_pointer_value(const struct data_pointer *pointer, const struct data_source *source);

/* A text that may be a template. */
struct data_text {
        const char *literal; /* NULL: it is a template */
        const struct mustache *template;
};
bool data_text_read(struct arena *arena, const struct document *node, bool html, struct data_text *text,
                    struct file_faults *faults);
/* The text in the source's arena, or NULL with a fault. `lenient`: what is missing is empty. */
const char *data_text_make(const struct data_text *text, const struct data_source *source, bool lenient);
/* The same of a template. */
const char *data_template_make(const struct mustache *template, const struct data_source *source,
                               bool lenient);
/* Tells each partial that the template of a text names. */
void data_text_references(const struct data_text *text, template_reference *tell, void *context);

/* What a file writes as a value: texts that may be templates, numbers, lists and mappings of these, and {$:
 * POINTER}, which keeps the value that the payload has there. */
enum data_kind { DATA_TEXT, DATA_CONSTANT, DATA_POINTER, DATA_LIST, DATA_MAP };

struct data_value {
        enum data_kind kind;
        const char *key; /* in a mapping */
        struct data_text text;
        const struct document *constant;
        struct data_pointer pointer;
        const struct data_value *first, *next;
};

/* `text_html`: what is a text is one for html. NULL with faults. */
const struct data_value *data_value_read(struct arena *arena, const struct document *node, bool in_each,
                                         bool text_html, struct file_faults *faults);
/* The value as JSON, owned by the caller; what a pointer does not find is left out, at the top null. NULL
 * with a fault. */
json_t *data_value_make(const struct data_value *value, const struct data_source *source);
/* Tells each partial that a template in it names. */
void data_value_references(const struct data_value *value, template_reference *tell, void *context);

#endif
