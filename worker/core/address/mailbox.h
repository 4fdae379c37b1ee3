#ifndef LEVERET_CORE_MAILBOX_H
#define LEVERET_CORE_MAILBOX_H

#include "core/address/address.h"
#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>

/* A mailbox of RFC 5322 section 3.4: `Shop <shop@example.com>`, `"Shop, Inc." <...>` or the bare address.
 * Slices into the text it was parsed from. */
struct mailbox {
        struct slice name;    /* the phrase as written; UTF-8; len 0 if there is none */
        struct slice address; /* passes address_valid */
};

/* Takes a text that is one mailbox. Its name may hold commas and dots without quotes, as people write them.
 * NULL, or the rule that the text breaks. */
const char *mailbox_parse(struct mailbox *mailbox, const char *text);

/*
 * Takes the next mailbox of a list as in RFC 5322 section 3.4: separated by commas, names with commas in
 * quotes. `*at` is where to go on; it begins as the text. False at the end. `*mistake` is NULL, or the rule
 * that this mailbox breaks; then the list is to be given up. Groups ("friends: a@b, c@d;") and empty places
 * are refused.
 */
bool mailbox_next(const char **at, struct mailbox *mailbox, const char **mistake);

/* The same for a list that is known to be good, which every mail that was planned holds: nothing is checked
 * again. */
bool mailbox_take(const char **at, struct mailbox *mailbox);

/* Adds the name, without quotes and the backslashes in them. */
void mailbox_name_add(struct buffer *out, struct mailbox mailbox);
/* Adds a name, with quotes around it if it needs them. */
void mailbox_name_quote(struct buffer *out, struct slice name);
/* Adds a mailbox with the quoting that its name needs; a name of no bytes is none. UTF-8 stays UTF-8. */
void mailbox_write(struct buffer *out, struct slice name, struct slice address);
/* Adds what was parsed as mailbox_write does. */
void mailbox_rewrite(struct buffer *out, struct mailbox mailbox);
/* Adds the one mailbox that the text is, as mailbox_write does. The text is known to be good. */
void mailbox_one_write(struct buffer *out, const char *text);
/* Adds a list as mailbox_write does, separated by ", ", domains in A-labels. The text is known to be good. */
void mailbox_list_write(struct buffer *out, const char *text);

#endif
