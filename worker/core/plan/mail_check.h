#ifndef LEVERET_CORE_MAIL_CHECK_H
#define LEVERET_CORE_MAIL_CHECK_H

#include "core/text/buffer.h"
#include "handler.h"

enum {
        MAIL_SUBJECT_MAX = 998,      /* bytes: RFC 5322 section 2.1.1, before it is encoded and folded */
        MAIL_BODY_MAX = 1024 * 1024, /* bytes of text and html together */
        MAIL_RECIPIENTS_MAX = 50,    /* of to, cc and bcc together */
        MAIL_RECIPIENTS_SENT_MAX = MAIL_RECIPIENTS_MAX + 1, /* with mail.bcc_all */
        MAIL_LIST_MAX = 32 * 1024,                          /* bytes of one list of mailboxes */
        MAIL_HEADERS_MAX = 30,
        MAIL_HEADER_NAME_MAX = 76,   /* bytes, so that name and colon stay on a line */
        MAIL_HEADER_VALUE_MAX = 900, /* bytes, so that a line that cannot be folded is at most 998 */
        MAIL_MESSAGE_ID_MAX = 400,
        MAIL_REFERENCES_MAX = 100,
        MAIL_URL_MAX = 800, /* bytes, for the same reason */
        MAIL_TAGS_MAX = 10,
        MAIL_TAG_MAX = 128, /* bytes */
        MAIL_METADATA_MAX = 20,
        MAIL_METADATA_VALUE_MAX = 500, /* bytes */
        MAIL_ATTACHMENTS_MAX = 20,
        MAIL_ATTACHMENT_NAME_MAX = 255,     /* characters */
        MAIL_ATTACHMENT_TYPE_MAX = 200,     /* bytes, parameters included */
        MAIL_CONTENT_MAX = 4 * 1024 * 1024, /* bytes of all attachments that are not fetched */
        MAIL_NAME_MAX = 64, /* bytes of an outlet's name, of a name in metadata, of an inline id */
};

/*
 * Adds to an empty buffer all rules that the mail breaks, "/to: expected an e-mail address; /headers/Bcc:
 * leveret writes this header itself"; nothing if it breaks none. The pointers (RFC 6901) are those of
 * email.send.v1, whose members bear the names of struct mail. No value of the mail is shown but names of
 * headers and of metadata that are themselves in order.
 */
void mail_mistakes_add(struct buffer *out, const struct mail *mail);

/* The same without the rules on the size of bodies and files: what could break out of its header, SMTP
 * command or file name. Asked once more where a mail leaves. */
void mail_hazards_add(struct buffer *out, const struct mail *mail);

/* May a mail, or a setting for all mails, add a header of this name: 1 to 76 of [A-Za-z0-9_-], and none that
 * leveret writes itself or that carries trust? */
bool mail_header_allowed(const char *name);

/* "<id@host>" of printable ASCII (RFC 5322 section 3.6.4). */
bool mail_message_id_valid(const char *id);

#endif
