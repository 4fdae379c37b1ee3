#ifndef LEVERET_CORE_MAIL_MEMBER_H
#define LEVERET_CORE_MAIL_MEMBER_H

#include "core/codec/json.h"
#include "core/memory/arena.h"
#include "handler.h"

/* Inside core/types only: the members of struct mail, by the names that files give them, which are those of
 * email.send.v1. */

enum mail_member_kind {
        MEMBER_TEXT,
        MEMBER_BODY,        /* text or html: a template's own lines */
        MEMBER_MAILBOXES,   /* "Ada <ada@example.com>", {email, name}, or a list of these */
        MEMBER_TEXTS,       /* a list of texts */
        MEMBER_PAIRS,       /* {name: text} */
        MEMBER_UNSUBSCRIBE, /* {url, mailto, one_click} */
        MEMBER_ATTACHMENTS, /* [{name, type, content or url, sha256, size, inline_id}] */
};

struct mail_member {
        const char *name;
        enum mail_member_kind kind;
        size_t offset;
        bool required;
};

extern const struct mail_member mail_members[];
enum { MAIL_MEMBERS = 16 };

/* Sets a member from JSON, in the arena; null and "" leave it unset. False: it is not of its form, with what
 * was expected in `*expected`, "a mailbox, {email, name} or a list of these". */
bool mail_member_set(struct arena *arena, const struct mail_member *member, struct mail *mail,
                     const json_t *value, const char **expected);

#endif
