#ifndef LEVERET_HANDLER_H
#define LEVERET_HANDLER_H

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What the author of a handler needs to know: this file and the C library.
 *
 * A handler is the answer to one type of message. It says what the payload looks like, as a table of fields
 * over a C struct, and what is to happen, as a function from that struct to a plan:
 *
 *         #include "handler.h"
 *
 *         struct order_created {
 *                 int64_t order_id;
 *                 const char *customer_email, *title;
 *         };
 *
 *         static const struct field fields[] = {
 *                 FIELD_INT(struct order_created, order_id, .min = 1),
 *                 FIELD_EMAIL(struct order_created, customer_email),
 *                 FIELD_STRING(struct order_created, title, .max_length = 200, .one_line = true),
 *                 FIELD_END,
 *         };
 *
 *         static void plan_order_created(const struct order_created *order, struct plan *plan)
 *         {
 *                 plan_mail(plan, &(struct mail){
 *                         .key = "customer",
 *                         .to = order->customer_email,
 *                         .subject = plan_printf(plan, "Order created: %s", order->title),
 *                         .text = plan_printf(plan, "Order %" PRId64 " was created.\n", order->order_id),
 *                 });
 *         }
 *
 *         HANDLER(order_created_v1, struct order_created, plan_order_created,
 *                 {
 *                         .type = "order.created.v1",
 *                         .summary = "Tells the customer that the order was created.",
 *                         .example = "{\"order_id\": 42, \"customer_email\": \"ada@example.com\", "
 *                                    "\"title\": \"Tea\"}",
 *                         .fields = fields,
 *                 });
 *
 * That is the whole file handlers/order_created_v1.c. One line in handlers/handlers.c adds it to the worker;
 * a test in tests/unit/handlers/order_created_v1_test.c is payload in, plan text out. Try it:
 *
 *         leveret type schema order.created.v1
 *         leveret plan order.created.v1 --data @order.json
 *
 * A plan writes down effects and performs none. It is made anew for every attempt and must come out the same,
 * so it may depend on the payload alone: no clock, no random number, no environment, no file, no static
 * variable.
 */

/* ---- The payload ---- */

/* A name and its value. */
struct pair {
        const char *name, *value;
};

enum {
        FIELD_MAX_LENGTH = 1000, /* characters of a string whose field names no .max_length */
        FIELD_MAX_ITEMS = 100,   /* items of a list whose field names no .max_items */
};

enum field_kind {
        FIELD_KIND_END,
        FIELD_KIND_INT,
        FIELD_KIND_NUMBER,
        FIELD_KIND_BOOL,
        FIELD_KIND_STRING,
        FIELD_KIND_EMAIL,
        FIELD_KIND_OBJECT,
        FIELD_KIND_LIST,
        FIELD_KIND_MAILBOX,
        FIELD_KIND_MAILBOXES,
        FIELD_KIND_STRINGS,
        FIELD_KIND_PAIRS,
        FIELD_KIND_BASE64,
};

/*
 * One field of the payload: a name in a JSON object, and the member of the struct where its value goes.
 * Written with the macros below, which check the type of the member. What may follow the member in them, in
 * any order:
 */
struct field {
        /* May be missing, or null: the member is then NULL, 0 or false. If that says too little: `.flag`. */
        bool optional;
        /* What it means, for people: shown by `leveret type show` and in the schema. */
        const char *description;
        /* FIELD_INT, FIELD_NUMBER: the least and the greatest value allowed. Of integers exact up to 2^53. */
        double min, max;
        /* FIELD_STRING: how many characters (code points, not bytes) there must and may be. */
        size_t min_length, max_length;
        /* FIELD_LIST: how many items there must and may be. */
        size_t min_items, max_items;
        /* FIELD_STRING: no line break, tab or other control character, as a subject must be. */
        bool one_line;
        /* FIELD_STRING: the only values allowed, FIELD_ONE_OF("daily", "weekly"). */
        const char *const *one_of;
        /* A bool of the same struct, true if the value was there: FIELD_FLAG(struct x, has_count). */
        size_t flag;
        /* Another one, true if the value was null and not left out: .null_flag = FIELD_FLAG(struct x,
         * no_text). */
        size_t null_flag;
        /* What the payload calls it, if that is not the name of the member: .name = "default". */
        const char *name;

        /* Filled in by the macros. */
        enum field_kind kind;
        size_t offset;
        const struct field
                *fields; /* FIELD_OBJECT, FIELD_LIST: the table of the nested struct, and its size */
        size_t size;
        size_t count_offset; /* FIELD_LIST, FIELD_BASE64 */
};

/* An integer, int64_t. 5.0 is an integer too, as in JSON Schema; 5.5, "5" and 2^63 are refused. */
#define FIELD_INT(type, member, ...)                                                                         \
        FIELD_OF(FIELD_KIND_INT, int64_t, type, member, .min = -INFINITY, .max = INFINITY, __VA_ARGS__)
/* Any JSON number, as a double. */
#define FIELD_NUMBER(type, member, ...)                                                                      \
        FIELD_OF(FIELD_KIND_NUMBER, double, type, member, .min = -INFINITY, .max = INFINITY, __VA_ARGS__)
/* true or false, bool. */
#define FIELD_BOOL(type, member, ...) FIELD_OF(FIELD_KIND_BOOL, bool, type, member, __VA_ARGS__)
/* Text, const char *: UTF-8 without U+0000, at most FIELD_MAX_LENGTH characters unless .max_length says. */
#define FIELD_STRING(type, member, ...)                                                                      \
        FIELD_OF(FIELD_KIND_STRING, const char *, type, member, .max_length = FIELD_MAX_LENGTH, __VA_ARGS__)
/* One e-mail address without a display name, const char *: safe to put into a mail's headers. Its domain may
 * be in any script. */
#define FIELD_EMAIL(type, member, ...) FIELD_OF(FIELD_KIND_EMAIL, const char *, type, member, __VA_ARGS__)
/* A nested object, const struct y *, with a table of its own. Optional and absent: NULL. */
#define FIELD_OBJECT(type, member, table, ...)                                                               \
        {                                                                                                    \
                .name = #member, .kind = FIELD_KIND_OBJECT, .offset = offsetof(type, member),                \
                .fields = (table), .size = sizeof(*((type *)0)->member), __VA_ARGS__                         \
        }
/* A list of objects, const struct y *, each as the table says; how many there are goes into `count`, a size_t
 * of the same struct, and a zeroed one follows the last. At most FIELD_MAX_ITEMS unless .max_items says.
 * Optional and absent: NULL and 0. */
#define FIELD_LIST(type, member, count, table, ...)                                                          \
        {                                                                                                    \
                .name = #member, .kind = FIELD_KIND_LIST, .offset = offsetof(type, member),                  \
                .fields = (table), .size = sizeof(*((type *)0)->member),                                     \
                .count_offset = FIELD_OFFSET(size_t, type, count), .max_items = FIELD_MAX_ITEMS, __VA_ARGS__ \
        }
/* One mailbox, const char *, as plan_mailbox writes it: the payload gives an address, `Ada <ada@example.com>`
 * or
 * {"email": "ada@example.com", "name": "Ada"}. */
#define FIELD_MAILBOX(type, member, ...) FIELD_OF(FIELD_KIND_MAILBOX, const char *, type, member, __VA_ARGS__)
/* Mailboxes, const char *, as .to of struct mail takes them: the payload gives one or a list of them, at most
 * 50. A string is one mailbox. With .min_items = 0 an empty list or string is taken too: the member stays
 * NULL. */
#define FIELD_MAILBOXES(type, member, ...)                                                                   \
        FIELD_OF(FIELD_KIND_MAILBOXES, const char *, type, member, .min_items = 1, .max_items = 50,          \
                 __VA_ARGS__)
/* A list of strings, const char *const *, ended by NULL; each of one line, as long as FIELD_STRING. */
#define FIELD_STRINGS(type, member, ...)                                                                     \
        FIELD_OF(FIELD_KIND_STRINGS, const char *const *, type, member, .max_length = FIELD_MAX_LENGTH,      \
                 .max_items = FIELD_MAX_ITEMS, .one_line = true, __VA_ARGS__)
/* An object whose members are strings, const struct pair *, ended by {0}; each of one line. */
#define FIELD_PAIRS(type, member, ...)                                                                       \
        FIELD_OF(FIELD_KIND_PAIRS, const struct pair *, type, member, .max_length = FIELD_MAX_LENGTH,        \
                 .max_items = FIELD_MAX_ITEMS, .one_line = true, __VA_ARGS__)
/* Bytes as base64 (RFC 4648 section 4), const char *; how many there are goes into `len`, a size_t of the
 * same struct. */
#define FIELD_BASE64(type, member, len, ...)                                                                 \
        FIELD_OF(FIELD_KIND_BASE64, const char *, type, member,                                              \
                 .count_offset = FIELD_OFFSET(size_t, type, len), __VA_ARGS__)
/* Ends a table. */
#define FIELD_END                                                                                            \
        {                                                                                                    \
                .kind = FIELD_KIND_END                                                                       \
        }

/* Values of .one_of and .flag. */
#define FIELD_ONE_OF(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FIELD_FLAG(type, member) (FIELD_OFFSET(bool, type, member) + 1)

/* The offset of a member; one of another type is an error ("not compatible with any association"). */
#define FIELD_OFFSET(ctype, type, member) _Generic(((type *)0)->member, ctype : offsetof(type, member))
#define FIELD_OF(field_kind, ctype, type, member, ...)                                                       \
        {                                                                                                    \
                .name = #member, .kind = (field_kind), .offset = FIELD_OFFSET(ctype, type, member),          \
                __VA_ARGS__                                                                                  \
        }

/* In a table the author's .min comes after the macro's and wins (C17 6.7.9 p19). That is meant. */
#ifdef __clang__
#        pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#        pragma GCC diagnostic ignored "-Woverride-init"
#endif

/* ---- The plan ---- */

/* The plan under construction. All its memory, and that of the payload, lives until the job has ended. */
struct plan;

/* A file that goes with a mail: its bytes, or where leveret is to fetch them before each try. */
struct attachment {
        const char *name;    /* the file's name, UTF-8, 1 to 255 characters, no path */
        const char *type;    /* its media type; NULL: application/octet-stream */
        const char *content; /* the bytes, or NULL if there is a url */
        size_t content_len;
        const char *url;       /* http:// or https://, of an origin that attachments.allow lists; or NULL */
        const char *sha256;    /* 64 hex digits; with a url required and checked before anything is sent */
        int64_t size;          /* bytes, checked as well; 0: not known */
        const char *inline_id; /* shown in the html, which names it <img src="cid:logo">; NULL: a file beside
                                  it */
};

/* How a recipient gets off a list (RFC 2369, RFC 8058). */
struct list_unsubscribe {
        const char *url;    /* http:// or https://, or NULL */
        const char *mailto; /* an address, or mailto: and what follows; or NULL */
        bool one_click;     /* a POST to the url, which must be https, is enough */
};

/*
 * One mail. Addresses are written as in RFC 5322: `ada@example.com`, `Ada <ada@example.com>`, or several of
 * these with commas between them; plan_mailbox writes one with its quoting right. A domain may be in any
 * script. At most 50 recipients in to, cc and bcc together. What is not named is NULL. Lists end with {0} or
 * NULL: `.tags = (const char *const[]){"receipt", NULL}`.
 */
struct mail {
        /* Names this effect within the plan and for ever: with the message's id it makes the idempotency key,
         * so that renaming it in a new version of the handler sends again what was sent. 1 to 64 of
         * [a-z0-9._-]. */
        const char *key;
        const char *from; /* one mailbox that mail.from_allowed lists; NULL: mail.from of the configuration */
        const char *to, *cc, *bcc, *reply_to; /* lists; `to` is required */
        const char *subject;                  /* UTF-8, one line, at most 998 bytes, not empty */
        const char *text;                     /* UTF-8, lines end in \n; may be NULL if there is html */
        /* UTF-8, or NULL; text and html together at most 1 MiB. It is not escaped by itself: see plan_escape.
         */
        const char *html;
        /* At most 30, one line each. None that leveret writes itself or that carries trust: From To Cc Bcc
         * Sender Reply-To Subject Date Message-ID MIME-Version Content-* DKIM-* ARC-* Received Return-Path
         * Resent-*. */
        const struct pair *headers;
        const struct attachment *attachments; /* at most 20; their content together at most 4 MiB */
        struct list_unsubscribe list_unsubscribe;
        const char *in_reply_to;       /* the Message-ID of the mail that is answered, "<id@host>" */
        const char *const *references; /* of the whole thread, oldest first, at most 100 */
        /* For the mail service and its statistics. At most 10 tags of 1 to 128 characters; at most 20 pairs
         * with names of 1 to 64 of [A-Za-z0-9_.-] and values of at most 500 bytes. */
        const char *const *tags;
        const struct pair *metadata;
        const char *outlet; /* which outlet is to take it; NULL: that of the type, the queue, or the first */
};

/* Adds a mail. Everything is copied. A plan holds at most 32 effects, each under a key of its own. A mail
 * that breaks a rule of struct mail rejects the plan, as plan_reject does. */
void plan_mail(struct plan *plan, const struct mail *mail);

/*
 * One signed webhook: an HTTP POST of `{"type": .., "timestamp": .., "data": ..}` as JSON, which follows
 * Standard Webhooks. The timestamp is that of the message, and every try has the same bytes. It leaves only
 * to an origin that the outlet's `allow` lists.
 */
struct post {
        const char *key;    /* as of struct mail */
        const char *url;    /* http:// or https://, at most 2000 bytes, without user and password */
        const char *type;   /* what happened, 1 to 128 of [A-Za-z0-9._-]; NULL: the type of the message */
        const char *data;   /* a JSON text, any value; required */
        const char *outlet; /* which outlet is to take it; NULL: that of the type, the queue, or the first */
};

/* Adds a webhook. Everything is copied; what breaks a rule of struct post rejects the plan. */
void plan_post(struct plan *plan, const struct post *post);

/*
 * One message: the next step of a chain, or one of many. Its id is `<id of this message>/<key>`, so a
 * repetition is a duplicate and nothing more. Subject, correlation id and traceparent of this message go on
 * to it.
 */
struct outgoing {
        const char *key;     /* as of struct mail */
        const char *type;    /* of the message, and its routing key: "stock.taken.v1" */
        const char *data;    /* its payload, a JSON text; required */
        const char *subject; /* one line, at most 256 bytes; NULL: the subject of this message */
        /* RFC 3339: not before then, at most 400 days ahead. NULL: at once. */
        const char *deliver_at;
        const char *exchange; /* one that publish.exchanges lists; NULL: leveret.in */
};

/* Adds a message. Under a key that plan_publish was given before it joins that effect, a batch of up to 1,000
 * with the ids `<id>/<key>.0`, `.1` and so on, all of which are confirmed before any of it is recorded. What
 * breaks a rule of struct outgoing rejects the plan. All that a plan holds is at most 4 MiB. */
void plan_publish(struct plan *plan, const struct outgoing *outgoing);

/* `Ada Lovelace <ada@example.com>` with the quoting that the name needs, in memory of the plan; the address
 * alone if `name` is NULL or "". What is no address, or a name of more than one line, rejects the plan. */
char *plan_mailbox(struct plan *plan, const char *name, const char *email);

/* A plain text of what people read in the html, for those who are shown no html, in memory of the plan: lines
 * and lists as they are seen, the targets of links in brackets. NULL if there is nothing to read. */
char *plan_html_text(struct plan *plan, const char *html);

/* Nothing is to be done for this message, now or ever: it is dead-lettered as `rejected` with this reason,
 * which people read and logs keep, so no addresses or other personal data. At most 255 bytes are kept. The
 * effects planned so far are dropped, later ones ignored; of several reasons the first counts. */
void plan_reject(struct plan *plan, const char *reason);

/* A text for html: & < > " and ' as character references, in memory of the plan; NULL gives NULL. What a
 * payload holds, or plan_printf made of it, is put into `.html` through this: html is not escaped by itself,
 * and a name such as <img src=..> would become part of the mail. */
char *plan_escape(struct plan *plan, const char *text);

/* A template of the directories that types.path names, rendered with the JSON text `json_text`: the file
 * `<name>.html.mustache` or `.txt.mustache`, in the language that serves `locale` best (NULL: the neutral
 * one), as for types from files. `name` ends in ".html" or ".txt". Html is escaped, text is not. In memory of
 * the plan. NULL, and the plan is rejected, if there is none, the JSON is none or a variable is missing. */
char *plan_template(struct plan *plan, const char *name, const char *locale, const char *json_text);

/* A text as by printf, in memory of the plan. */
char *plan_printf(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text made piece by piece, in memory of the plan: a line for each item of a list. Begun as
 * `struct plan_text lines = {.plan = plan}`; `text` is NULL until something was added. */
struct plan_text {
        struct plan *plan;
        char *text;
        size_t len, room; /* bytes, those of the NUL not among them */
};

/* Adds to the end, as by printf. */
void plan_add(struct plan_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `size` zeroed bytes in memory of the plan, aligned for any type; never NULL. */
void *plan_alloc(struct plan *plan, size_t size);

/* ---- The handler ---- */

struct handler {
        struct {
                const char *type;    /* dotted lower case with a version: "order.created.v1" */
                const char *summary; /* one sentence for people */
                const char *example; /* a payload that is accepted, as JSON: for people and the tests */
                const struct field *fields; /* ended by FIELD_END */
                /* Is a member of the payload that no table names refused (`/atachments: unknown field; did
                 * you mean attachments?`), in nested objects too? Otherwise it is ignored, so that a
                 * publisher may be newer than the worker. Closing a type that is in use refuses what was let
                 * pass. */
                bool closed;
        };

        /* Filled in by HANDLER. */
        size_t size;
        void (*plan)(const void *payload, struct plan *plan);

        /* Filled in where types are loaded. */
        const struct payload_kind
                *kind; /* of a type from a file: how its payload is read; NULL: by `fields` */
        const struct template_set *templates;
};

/*
 * Defines the handler `name`. `function` is void function(const payload_type *, struct plan *), which the
 * compiler checks; then follow .type, .summary, .example and .fields in braces.
 */
#define HANDLER(name, payload_type, function, ...)                                                           \
        static void name##_plan(const void *payload, struct plan *plan)                                      \
        {                                                                                                    \
                _Generic(&(function), void (*)(const payload_type *, struct plan *)                          \
                         : (function))(payload, plan);                                                       \
        }                                                                                                    \
        const struct handler name = {__VA_ARGS__, .size = sizeof(payload_type), .plan = name##_plan}

/* Every type this worker knows, ended by NULL: handlers/handlers.c. */
extern const struct handler *const handlers[];

#endif
