#ifndef LEVERET_CORE_PRESET_PARTS_H
#define LEVERET_CORE_PRESET_PARTS_H

#include "core/mail/mail.h"
#include "core/text/buffer.h"

/* What the bodies of the presets are made of. Each adds nothing if the mail has no such thing. `start` is
 * what comes before it, ",\"to\":" say. */

/* The text as a JSON string. */
void part_text(struct buffer *out, const char *start, const char *text);

/* How a mailbox is written: NULL members: as in RFC 5322, in one string. */
struct part_shape {
        const char *email, *name; /* members of an object */
        const char *open, *close; /* around that object; NULL: nothing */
};
extern const struct part_shape part_as_text;
/* Is it a list of one? */
bool part_is_one(const char *list);
/* The mailboxes with commas between them. */
void part_mailboxes(struct buffer *out, const char *start, const char *list, const struct part_shape *shape,
                    const char *end);
/* All in one JSON string with ", " between them. */
void part_list(struct buffer *out, const char *start, const char *list);

/* Every header that the mail asks for beyond those that the service writes itself, and Message-ID. */
typedef void part_header(struct buffer *out, const char *name, const char *value, bool first);
void part_headers_each(struct buffer *out, const struct mail_request *request, part_header *add);
/* {"Name":"value"} */
void part_headers_object(struct buffer *out, const char *start, const struct mail_request *request,
                         const char *end);
/* {"Name":"..","Value":".."}, or key and value, with commas between them. */
void part_headers_list(struct buffer *out, const char *start, const struct mail_request *request, bool upper,
                       const char *end);

/* Strings with commas between them. */
void part_tags(struct buffer *out, const char *start, const struct mail *mail, const char *end);
/* "name":"value" with commas between them. */
void part_pairs(struct buffer *out, const char *start, const struct pair *pairs, const char *end);

/* The members of a file. NULL: it is not told. */
struct part_file {
        const char *name, *type, *content, *inline_id;
        const char *id_start;                /* before the inline id, "cid:" say */
        const char *inline_more, *file_more; /* further members of one that is shown, and of others */
        enum { PART_ALL, PART_SHOWN, PART_BESIDE } which;
        bool name_is_id; /* of one that is shown: the service takes the name for the id */
};
/* Objects with commas between them; `start` and `end` only if there is one. False if a file cannot be read.
 */
bool part_files(struct buffer *out, const char *start, const struct mail_request *request,
                const struct part_file *shape, const char *end);

struct preset_refused;
/* Takes one more recipient of whom the answer says that nothing is sent to it; either slice may be empty. */
void part_refused(struct preset_refused *refused, struct slice address, struct slice words);
/* The value at "<start>/<i>/<member>" of an answer; empty if there is none. */
struct slice part_answer(struct slice body, const char *start, size_t i, const char *member);

/* Adds the file's bytes; false if they cannot be read. */
bool part_file_bytes(struct buffer *out, const struct mail_request *request, size_t i);

#endif
