#ifndef LEVERET_CORE_TEMPLATE_TAGS_H
#define LEVERET_CORE_TEMPLATE_TAGS_H

#include "core/memory/arena.h"
#include "core/template/template.h"

/* Inside core/template only: the tags of a text, with their ends found and their lines judged. */

enum tag_kind {
        TAG_VALUE,
        TAG_RAW,
        TAG_SECTION,
        TAG_INVERTED,
        TAG_PARTIAL,
        TAG_PARENT,
        TAG_BLOCK,
        TAG_CLOSE,
        TAG_NOTHING, /* a comment, or other delimiters */
};

struct tag {
        enum tag_kind kind;
        struct slice name; /* into the text */
        size_t start, end; /* bytes of the text that it takes */
        size_t other;      /* index of the closing tag, and of a closing tag the opening one */
        size_t inside;     /* 1 + index of the tag that it stands in; 0: none */
        bool standalone;   /* its line holds nothing else: indentation and line end go with it */
        bool counts; /* directly in a layout's tag blocks alone do, and nothing inside of what does not */
        bool shows;  /* the text directly inside is output */
        /* Of a block: the bytes of white space with which its lines begin, and which are replaced by those of
         * the place where it comes to stand. */
        struct slice indent;
};

struct tags {
        struct slice text;
        struct tag *list;
        size_t count, room;
};

/* Finds all tags, in the order of the text. False with what is wrong added to `faults`. */
bool tags_find(struct arena *arena, const struct template_source *source, struct tags *tags,
               struct file_faults *faults);
/* Decides which tags stand alone, by the rules of the specification, and how blocks are indented. */
void tags_judge(struct tags *tags);
/* The white space between the beginning of the line and `at`; absent if there is something else. */
struct slice tags_indent_before(struct slice text, size_t at);
/* The place in the file of a byte of the text. */
struct place_in_file tags_place(const struct template_source *source, size_t at);

#endif
