#ifndef LEVERET_CORE_TEMPLATE_H
#define LEVERET_CORE_TEMPLATE_H

#include "core/codec/json.h"
#include "core/memory/arena.h"
#include "core/template/file_faults.h"
#include "core/text/buffer.h"

#include <stdint.h>

/*
 * Mustache (the specification's core modules and ~inheritance) over JSON values: {{name}} {{{name}}}
 * {{&name}}
 * {{#section}} {{^inverted}} {{/end}} {{>partial}} {{<layout}} {{$block}} {{!comment}} {{=<% %>=}}.
 *
 * A template is compiled once into a small program and rendered as often as there are messages. Neither
 * lambdas nor dynamic names: a template does what its text says.
 *
 * False in a section are: what is missing, null, false, "" and []. 0 is not.
 */

enum {
        TEMPLATE_SOURCE_MAX = 262144, /* bytes of one file */
        TEMPLATE_NESTING_MAX = 50,    /* tags inside each other in one file */
        TEMPLATE_NAME_MAX = 200,      /* bytes of a name */
        TEMPLATE_DEPTH_MAX =
                100, /* sections, partials, layouts and blocks inside each other in a rendering */
        TEMPLATE_OUTPUT_MAX = 1048576, /* bytes */
        TEMPLATE_STEPS_MAX =
                1000000, /* tags, pieces of text and scopes looked at: some tens of milliseconds */
        TEMPLATE_ERROR_MAX = 256,
};

struct template_op;

struct mustache {
        const char *file; /* for errors */
        bool html;        /* {{name}} escapes */
        const struct template_op *ops;
        size_t count;
};

struct template_source {
        struct place_in_file place; /* where the text begins; line and column 1 for a whole file */
        struct slice text;
        bool html;
};

/*
 * Compiles into the arena, into which everything is copied; the program is as long as the text at most and
 * lives as long as the arena. NULL with all that is wrong added to `faults`: unknown or unclosed tags, bad
 * names, bytes that are not UTF-8, over the bounds above.
 */
const struct mustache *template_compile(struct arena *arena, const struct template_source *source,
                                        struct file_faults *faults);

/* Finds the template of a {{>name}} or {{<name}}, or NULL. */
struct template_finder {
        const struct mustache *(*find)(void *context, struct slice name);
        void *context;
};

/* Tells each partial and layout that a template names, and where. */
typedef void template_reference(void *context, struct place_in_file place, struct slice name);
void template_references(const struct mustache *template, template_reference *tell, void *context);

/* Values in which a name is looked for, the innermost first. */
struct template_scope {
        const struct template_scope *outer; /* NULL: none */
        const json_t *value;                /* of any kind; names are found in objects, `.` is the value */
};

struct template_rendering {
        const struct mustache *template;
        const struct template_scope *scope; /* NULL: nothing is known */
        struct template_finder partials;    /* .find NULL: there are none */
        bool lenient;      /* what is missing is empty, as the specification has it; else it is an error */
        size_t output_max; /* bytes that are added to `out`; 0: TEMPLATE_OUTPUT_MAX */
};

/*
 * Adds the rendered text to `out`. False with `file:line:col: message` in `error`, made of the template's
 * names alone and never of a value: a variable that is missing or is an object or a list (unless lenient), a
 * missing partial (likewise), over a bound. `out` then holds a piece. Pure: bounded by the values above,
 * whatever the template and the data are.
 */
bool template_render(const struct template_rendering *rendering, struct buffer *out,
                     char error[TEMPLATE_ERROR_MAX]);

/* Is this value true in a section? NULL is not. */
bool template_truth(const json_t *value);
/* Adds a value as {{{name}}} does: a text as it is, numbers in the shortest form that reads back the same,
 * null as nothing; objects and lists as compact JSON. */
void template_add_value(struct buffer *out, const json_t *value);
/* Adds text with & < > " ' as character references: safe between tags and in quoted attributes of HTML. */
void template_escape(struct buffer *out, struct slice text);

#endif
