#ifndef LEVERET_CORE_FIELDS_DECODE_H
#define LEVERET_CORE_FIELDS_DECODE_H

#include "core/codec/json.h"
#include "core/memory/arena.h"
#include "core/text/faults.h"
#include "handler.h"

/* Behind core/plan/fields.h: what decoders of values share. */

/* Where in the payload we are: a list from the innermost name outwards, on the stack. */
struct place {
        const struct place *outer; /* NULL: the payload itself, without a name */
        const char *name;          /* NULL: an item of a list */
        size_t index;
};

struct decoder {
        struct arena *arena;
        struct faults *faults;
        bool closed; /* a member that the table does not name is a fault */
};

/* Keeps the fault; the rest of the payload is looked at all the same. Always false, so that a check can
 * return it. */
bool field_refuse(struct decoder *decoder, const struct place *place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* A name that the publisher chose, safe to show and to keep: a key such as an address is personal. */
const char *field_name_shown(struct arena *arena, const char *name);

/* Each takes a value into the member at `to`; false if it was refused. */
bool field_string(struct decoder *decoder, const struct place *place, const struct field *field,
                  const json_t *value, char *to);
bool field_email(struct decoder *decoder, const struct place *place, const json_t *value, char *to);
bool field_mailboxes(struct decoder *decoder, const struct place *place, const struct field *field,
                     const json_t *value, char *to);
bool field_strings(struct decoder *decoder, const struct place *place, const struct field *field,
                   const json_t *value, char *to);
bool field_pairs(struct decoder *decoder, const struct place *place, const struct field *field,
                 const json_t *value, char *to);
bool field_base64(struct decoder *decoder, const struct place *place, const struct field *field,
                  const json_t *value, char *to);

#endif
