#include "core/plan/mail_members.h"

#define MEMBER(member, form) .name = #member, .kind = MEMBER_##form, .offset = offsetof(struct mail, member)

const struct mail_member mail_members[MAIL_MEMBERS] = {
        {MEMBER(from, MAILBOX), .header = "From"},
        {MEMBER(to, MAILBOXES), .header = "To", .required = true},
        {MEMBER(cc, MAILBOXES), .header = "Cc"},
        {MEMBER(bcc, MAILBOXES), .header = "Bcc"},
        {MEMBER(reply_to, MAILBOXES), .header = "Reply-To"},
        {MEMBER(subject, TEXT), .header = "Subject", .required = true},
        {MEMBER(in_reply_to, TEXT)},
        {MEMBER(references, TEXTS)},
        {MEMBER(list_unsubscribe, UNSUBSCRIBE)},
        {MEMBER(headers, PAIRS), .each = "header"},
        {MEMBER(tags, TEXTS), .each = "tag"},
        {MEMBER(metadata, PAIRS)},
        {MEMBER(outlet, TEXT)},
        {MEMBER(attachments, ATTACHMENTS), .each = "attachment"},
        {MEMBER(text, BODY)},
        {MEMBER(html, BODY)},
};

const void *mail_member_at(const struct mail *mail, const struct mail_member *member)
{
        return (const char *)mail + member->offset;
}

const char *mail_member_text(const struct mail *mail, const struct mail_member *member)
{
        const void *at = mail_member_at(mail, member);
        switch (member->kind) {
        case MEMBER_TEXT:
        case MEMBER_BODY:
        case MEMBER_MAILBOX:
        case MEMBER_MAILBOXES:
                return *(const char *const *)at;
        case MEMBER_TEXTS:
        case MEMBER_PAIRS:
        case MEMBER_UNSUBSCRIBE:
        case MEMBER_ATTACHMENTS:
                break;
        }
        return NULL;
}
