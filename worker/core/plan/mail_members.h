#ifndef LEVERET_CORE_MAIL_MEMBERS_H
#define LEVERET_CORE_MAIL_MEMBERS_H

#include "handler.h"

/*
 * The members of struct mail but its key, as one table. Whatever treats members alike walks it: the copy into
 * a plan, the record of a plan, what `leveret plan` prints, and the members that files of types may give.
 * Their names are those of email.send.v1.
 */

enum mail_member_kind {
        MEMBER_TEXT,        /* const char *, of one of the forms below */
        MEMBER_TEXTS,       /* const char *const *: ended by NULL */
        MEMBER_PAIRS,       /* const struct pair *: ended by {0} */
        MEMBER_UNSUBSCRIBE, /* struct list_unsubscribe */
        MEMBER_ATTACHMENTS, /* const struct attachment *: ended by {0} */
};

enum mail_text_form { FORM_LINE, FORM_BODY, FORM_MAILBOX, FORM_MAILBOXES };

struct mail_member {
        const char *name;
        enum mail_member_kind kind;
        enum mail_text_form form; /* of MEMBER_TEXT */
        size_t offset;            /* within struct mail */
        bool required;            /* never NULL in a mail that breaks no rule */
        const char *header; /* the header that this member is, "Reply-To"; NULL: none, or it takes more than
                               that */
        const char *each;   /* what one item of a list is called, "tag"; NULL: as the list */
};

enum { MAIL_MEMBERS = 16 };

/* In the order in which people read them. */
extern const struct mail_member mail_members[MAIL_MEMBERS];

/* Where the member stands in this mail. */
const void *mail_member_at(const struct mail *mail, const struct mail_member *member);

/* The text of MEMBER_TEXT; NULL if it is not set, or of another kind. */
const char *mail_member_text(const struct mail *mail, const struct mail_member *member);

/* Is it one mailbox or a list of them? */
bool mail_member_is_mailboxes(const struct mail_member *member);

#endif
