#ifndef LEVERET_CORE_MAIL_MEMBERS_H
#define LEVERET_CORE_MAIL_MEMBERS_H

#include "handler.h"

/*
 * The members of struct mail but its key, as one table. Whatever treats members alike walks it: the copy into
 * a plan, the record of a plan, what `leveret plan` prints, and the members that files of types may give.
 * Their names are those of email.send.v1.
 */

enum mail_member_kind {
        MEMBER_TEXT,        /* const char *: one line */
        MEMBER_BODY,        /* const char *: text or html, of many lines */
        MEMBER_MAILBOX,     /* const char *: one mailbox */
        MEMBER_MAILBOXES,   /* const char *: a list of mailboxes */
        MEMBER_TEXTS,       /* const char *const *: ended by NULL */
        MEMBER_PAIRS,       /* const struct pair *: ended by {0} */
        MEMBER_UNSUBSCRIBE, /* struct list_unsubscribe */
        MEMBER_ATTACHMENTS, /* const struct attachment *: ended by {0} */
};

struct mail_member {
        const char *name;
        enum mail_member_kind kind;
        size_t offset;      /* within struct mail */
        bool required;      /* never NULL in a mail that breaks no rule */
        const char *header; /* the header that this member is, "Reply-To"; NULL: none, or it takes more than
                               that */
        const char *each;   /* what one item of a list is called, "tag"; NULL: as the list */
};

enum { MAIL_MEMBERS = 16 };

/* In the order in which people read them. */
extern const struct mail_member mail_members[MAIL_MEMBERS];

/* Where the member stands in this mail. */
const void *mail_member_at(const struct mail *mail, const struct mail_member *member);

/* Of a text, a body or mailboxes, which are one pointer; NULL of any other kind, or if it is not set. */
const char *mail_member_text(const struct mail *mail, const struct mail_member *member);

#endif
