#include "core/plan/mail_members.h"

#define MEMBER(member, of) .name = #member, .kind = MEMBER_##of, .offset = offsetof(struct mail, member)
#define TEXT(member, of) MEMBER(member, TEXT), .form = FORM_##of

const struct mail_member mail_members[MAIL_MEMBERS] = {
        {TEXT(from, MAILBOX), .header = "From"},
        {TEXT(to, MAILBOXES), .header = "To", .required = true},
        {TEXT(cc, MAILBOXES), .header = "Cc"},
        {TEXT(bcc, MAILBOXES), .header = "Bcc"},
        {TEXT(reply_to, MAILBOXES), .header = "Reply-To"},
        {TEXT(subject, LINE), .header = "Subject", .required = true},
        {TEXT(in_reply_to, LINE)},
        {MEMBER(references, TEXTS)},
        {MEMBER(list_unsubscribe, UNSUBSCRIBE)},
        {MEMBER(headers, PAIRS), .each = "header"},
        {MEMBER(tags, TEXTS), .each = "tag"},
        {MEMBER(metadata, PAIRS)},
        {TEXT(outlet, LINE)},
        {MEMBER(attachments, ATTACHMENTS), .each = "attachment"},
        {TEXT(text, BODY)},
        {TEXT(html, BODY)},
};

const void *mail_member_at(const struct mail *mail, const struct mail_member *member)
{
        return (const char *)mail + member->offset;
}

const char *mail_member_text(const struct mail *mail, const struct mail_member *member)
{
        return member->kind == MEMBER_TEXT ? *(const char *const *)mail_member_at(mail, member) : NULL;
}

bool mail_member_is_mailboxes(const struct mail_member *member)
{
        return member->form == FORM_MAILBOX || member->form == FORM_MAILBOXES;
}
