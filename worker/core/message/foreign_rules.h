#ifndef LEVERET_CORE_FOREIGN_RULES_H
#define LEVERET_CORE_FOREIGN_RULES_H

#include "core/settings/config.h"

/* What the frameworks put on the wire, as a table. Lists end with NULL; what a
 * framework has not is NULL. */
struct foreign_rules {
        const char *const *id, *const *type; /* sources */
        const char *const *data;             /* JSON pointers, the first that finds something */
        const char *type_begins;             /* left out at the beginning of a type: "urn:message:" */
        const char *type_ends;               /* any of these ends a type: the assembly behind a comma */
        const char *type_ignored;            /* a type that says nothing */
        const char *const *empty;            /* JSON pointers at which nothing may be */
        const char *empty_advice;
        const char *deadline;   /* a source: after that the message is of no use */
        const char *not_before; /* a source of a time that leveret would not keep to */
        /* What its author can do if there is no JSON, no id, no data. */
        const char *body_advice, *id_advice, *data_advice;
};

/* Never NULL. */
const struct foreign_rules *foreign_rules_of(enum foreign_preset preset);

#endif
