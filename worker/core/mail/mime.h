#ifndef LEVERET_CORE_MIME_H
#define LEVERET_CORE_MIME_H

#include "core/mail/mail.h"
#include "core/plan/mail_check.h"
#include "core/text/buffer.h"

/*
 * A mail as an Internet message (RFC 5322, MIME of RFC 2045 to 2049), lines ended by CRLF, ready for the DATA
 * of SMTP: all lines are at most 998 bytes and none begins with a dot, so nothing on the way has cause to
 * change them.
 *
 * This is code of our own because no library at hand gives what is promised: every try of a mail has the same
 * bytes, so boundaries derive from its key where curl_mime draws them by lot; a file is read while it is
 * sent, again for each try, and never lies in memory whole; and curl_mime leaves names of files in UTF-8 as
 * they are. It writes, and parses nothing.
 *
 * The parts: text, html, or both as multipart/alternative; html with its inline files as multipart/related;
 * these and the other files as multipart/mixed. Text is quoted-printable or base64, whichever is shorter,
 * with CRLF at the ends of its lines; files are base64, byte for byte. A text that is all of the message and
 * is quoted-printable gets a last CRLF if it has none; every other keeps exactly what it has.
 */

struct mime_piece {
        size_t start, len; /* of the text, if there is no file */
        bool is_file;
        struct mail_file file;
};

enum { MIME_PIECES_MAX = 2 * MAIL_ATTACHMENTS_MAX + 1 };

/* A message under way. Zeroed it may be begun; memory is kept from one to the next. */
struct mime {
        const char *key_header; /* what the message says the key of the request in, kept from one to the next;
                                   NULL, or the mail has a header of that name: nothing */
        struct buffer text;     /* all but the files */
        struct mime_piece pieces[MIME_PIECES_MAX];
        size_t count;
        int64_t len; /* bytes of the whole message */

        size_t piece;        /* the one that is read */
        int64_t at;          /* how far in it; in a file, of its own bytes */
        struct buffer chunk; /* of a file, in base64 */
        size_t chunk_at;
};

/* Composes the message. The request must have passed mail_request_problem; it and its files are borrowed as
 * long as the message is read. */
void mime_begin(struct mime *mime, const struct mail_request *request);
/* Adds what ends the message on its way, as the dot of SMTP does; it does not count in `len`. */
void mime_append(struct mime *mime, const char *text);
/* Has all of it been used? */
bool mime_is_over(const struct mime *mime);
/* What comes next, borrowed until the next call; empty at the end. False if a file cannot be read. */
bool mime_pending(struct mime *mime, struct slice *bytes);
/* So many of these bytes have been used. */
void mime_take(struct mime *mime, size_t len);
/* Back to the beginning. */
void mime_rewind(struct mime *mime);
/* Gives back memory beyond `keep` bytes. */
void mime_recycle(struct mime *mime, size_t keep);
void mime_fini(struct mime *mime);

/* Adds the whole message, files and all. False if a file cannot be read. */
bool mime_add(struct buffer *out, const struct mail_request *request);

#endif
