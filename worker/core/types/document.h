#ifndef LEVERET_CORE_DOCUMENT_H
#define LEVERET_CORE_DOCUMENT_H

#include "core/codec/json.h"
#include "core/memory/arena.h"
#include "core/template/file_faults.h"

/* What a file of a type says, as a tree that knows its places. Built by io/types; all memory is an arena's.
 */

enum {
        DOCUMENT_DEPTH_MAX = 40,    /* lists and mappings inside each other */
        DOCUMENT_NODES_MAX = 10000, /* of one file */
};

enum document_kind { DOCUMENT_TEXT, DOCUMENT_LIST, DOCUMENT_MAP };

struct document {
        enum document_kind kind;
        const char *file;
        unsigned line, column;
        const char *text; /* NUL-terminated, without NUL inside */
        bool quoted;      /* a text for certain; otherwise 42, true and null are what they look like */
        const struct document *first, *next; /* the first inside, the next beside it */
        size_t count;                        /* of those inside */
        const char *key;                     /* in a mapping, with its place */
        unsigned key_line, key_column;
};

/* The value of a key, or NULL; NULL is taken. */
const struct document *document_get(const struct document *map, const char *key);
/* Where a node stands, and where its key does. */
struct place_in_file document_place(const struct document *node);
struct place_in_file document_key_place(const struct document *node);
/* Absent, `~`, `null` or nothing. */
bool document_is_null(const struct document *node);
/* Its text, or NULL with a fault that says what was expected. Numbers and true are taken as they are written.
 */
const char *document_text(const struct document *node, const char *expected, struct file_faults *faults);
/* False with a fault for each key that is not among `keys` (NULL-terminated). */
bool document_keys_known(const struct document *map, const char *const *keys, struct file_faults *faults);
/* The node as JSON (YAML 1.2 core schema: `no` is a text). The caller owns it. */
json_t *document_json(const struct document *node);

#endif
