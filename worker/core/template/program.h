#ifndef LEVERET_CORE_TEMPLATE_PROGRAM_H
#define LEVERET_CORE_TEMPLATE_PROGRAM_H

#include "core/template/template.h"

/* Inside core/template only: what a template is compiled to. */

enum template_op_kind {
        OP_TEXT,     /* `text` as it is */
        OP_LINE,     /* a line of the template begins that is not blank: the indentation comes here */
        OP_VALUE,    /* {{name}} */
        OP_RAW,      /* {{{name}}} */
        OP_SECTION,  /* up to `end` */
        OP_INVERTED, /* up to `end` */
        OP_PARTIAL,
        OP_PARENT, /* {{<name}}: the blocks up to `end` are its arguments */
        OP_BLOCK,  /* {{$name}}: up to `end` is what stands there unless an argument does */
};

struct template_op {
        enum template_op_kind kind;
        unsigned line, column;
        /* The tag had its line for itself. Of a block: its contents begin with a line. */
        bool standalone;
        size_t end;              /* index behind the last inner op; of others the next op */
        struct slice text;       /* literal text, or the name as it is written */
        const char *const *path; /* the name's parts; none for `.` */
        size_t path_count;
        struct slice indent; /* of a partial, layout or block: white space before each of its lines */
};

#endif
