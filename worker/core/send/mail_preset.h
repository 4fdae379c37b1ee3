#ifndef LEVERET_CORE_MAIL_PRESET_H
#define LEVERET_CORE_MAIL_PRESET_H

#include "core/mail/mail_request.h"
#include "core/send/send.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"

/* How to talk to one HTTP mail API: a table of facts and a pure function that writes the body, a small file
 * for each in presets/. */

enum preset_auth {
        PRESET_AUTH_HEADER, /* auth_header: auth_prefix and the api_key */
        PRESET_AUTH_BASIC,  /* username and password of the outlet (RFC 7617) */
        PRESET_AUTH_API,    /* Basic with the user "api" and the api_key */
        PRESET_AUTH_PAIR,   /* Basic with the api_key as "user:password", or username and password; or none */
        PRESET_AUTH_SIGV4,  /* AWS Signature Version 4 with username and password as id and secret */
};

/* What a service carries. What it does not is refused before anything leaves, never thinned out. */
struct preset_can {
        size_t recipients;     /* in to, cc and bcc together */
        size_t reply_to, tags; /* how many; 0: none */
        size_t files;          /* attachments; 0: as many as there are */
        int64_t bytes;         /* of the files in base64 and the texts together; 0: not known */
        size_t text_min;       /* characters of subject, text and html, each; 0: as few as there are */
        int64_t text_max;      /* bytes of the text, and of the html; 0: no more than of the whole mail */
        size_t subject_max;    /* characters; 0: any */
        size_t tag_max;        /* bytes of one; 0: any */
        size_t labels_max;     /* bytes of the metadata's names and values, or of `labels`; 0: any */
        bool metadata, inline_files, headers;
        bool token_beside;      /* the metadata also holds leveret's token, as "leveret" */
        bool utf8;              /* an address may be UTF-8 before its @ */
        bool text_alone;        /* a mail without html */
        bool words;             /* tags and metadata hold only [A-Za-z0-9_-] */
        const char *file_types; /* "/pdf/png/": the endings that a file's name may have; NULL: any */
        bool file_ending;       /* a file's name must have an ending */
        bool bare_types;        /* a file's type may have no parameter but method */
        bool fills;             /* what stands in {{ }} in the subject, a name or a header is filled in */
};

/* What an answer means that the status alone does not tell. The first row that fits counts. */
struct preset_answer {
        int status;       /* 0: any */
        const char *code; /* of code_member or code_header; NULL: any */
        enum send_outcome outcome;
        bool throttles; /* too many requests */
};

enum { PRESET_ANSWERS_MAX = 12 };

enum { PRESET_REFUSED_MAX = 50 };

/* What the answer to a success says of single recipients: slices of its body. */
struct preset_refused {
        size_t count;  /* that it will not send to */
        size_t listed; /* of whom it says more */
        bool all;      /* it sends to nobody */
        struct {
                struct slice address, words; /* each may be empty */
        } list[PRESET_REFUSED_MAX];
};

/* How the service is asked whether it has a mail (core/send/mail_look.h). */
struct preset_look {
        const char *path; /* with {token}, {domain}, {to}; NULL: it cannot be asked */
        /* Of the answer, as JSON pointers: the list of mails; how many it found, NULL if it does not say; of
         * a mail, the service's name for it, and what holds the token, NULL if nothing does. */
        const char *list, *count, *id, *mark;
        size_t page;          /* the list holds other mails too, and ends after so many; 0: this mail alone */
        int64_t lag_ms;       /* what it does not find so soon it may find later */
        int64_t retention_ms; /* what is older it has forgotten */
        bool by_message_id;   /* the token is the Message-ID without <>, else the key */
        bool by_default;      /* it is asked unless the configuration says otherwise */
};

struct mail_preset_rules {
        const char *name;
        const char *url;  /* where the service is unless configured; NULL: nobody can know */
        const char *path; /* appended to the URL; {domain}, {region} and {project} stand for the settings */
        enum preset_auth auth;
        const char *auth_header, *auth_prefix;
        const char *needs; /* the settings of mail.http that it needs, "api_key domain"; NULL: none */
        /* Adds the body: JSON, or a form whose boundary is `preset_boundary`. The same request gives the same
         * bytes. False if a file cannot be read. */
        bool (*body)(struct buffer *out, const struct mail_request *request,
                     const struct config_outlet *outlet);
        size_t (*labels)(const struct mail_request *request); /* bytes that labels_max bounds, if others */
        bool people_once;        /* a recipient that is named twice is refused, or gets the mail twice */
        bool form;               /* multipart/form-data (RFC 7578) */
        const char *key_header;  /* that makes a repetition the same mail; NULL: none */
        int64_t key_lifetime_ms; /* for how long; 0: there is no such key */
        const char *id_member; /* path in the answer to a success, "Messages/0/To/0/MessageID": the service's
                                  name for the mail */
        const char *id_header; /* the header that has it instead; NULL: none */
        const char *error_member,
                *code_member; /* of other answers: the text for people, the word for machines */
        const char *code_header;
        /* Of a service that answers by recipient: reads the answer to a success; NULL: it takes all or none.
         */
        void (*refused)(struct preset_refused *refused, struct slice body);
        struct preset_answer answers[PRESET_ANSWERS_MAX]; /* ended by outcome and status 0 */
        struct preset_can can;
        struct preset_look look;
};

/* Never NULL. */
const struct mail_preset_rules *mail_preset_rules(enum mail_preset preset);
/* Those of the outlet, with what it sets for the preset custom. Its texts are borrowed. */
struct mail_preset_rules mail_preset_of(const struct config_outlet *outlet);

/* Adds what is between the parts of a form: it occurs in no part, as it holds the key of the mail. */
void mail_preset_boundary(struct buffer *out, const struct mail_request *request);

/* Adds why the service cannot take the mail, "/tags: postmark takes at most 1"; false if it can. */
bool mail_preset_refusal(struct buffer *out, const struct mail_preset_rules *rules,
                         const struct mail_request *request);

/* Why the mail must not be sent there, as mail_request_problem() or in `refusal`, as above; NULL: it may. */
const char *mail_preset_problem(struct buffer *refusal, const struct mail_preset_rules *rules,
                                const struct mail_request *request);

/* Adds the URL: the configured one or the preset's, and the path, with the settings put in. */
void mail_preset_url(struct buffer *out, const struct config_outlet *outlet);
/* The same with another path. A {name} in it that is no setting stands for `other`. */
void mail_preset_url_of(struct buffer *out, const struct config_outlet *outlet, const char *path,
                        const char *other);
/* Adds the value of the header `auth_header`; nothing if there is none to be sent. */
void mail_preset_authorization(struct buffer *out, const struct config_outlet *outlet);
/* The first setting that the preset needs and that is not set, "domain"; NULL: none. */
const char *mail_preset_lacks(const struct config_outlet *outlet);

/* A complete answer. Slices are absent if there is none. */
struct preset_reply {
        int status;
        struct slice body, id_header, code_header;
};
/* What the preset says of it. False: no more than the status does. */
bool mail_preset_judge(const struct mail_preset_rules *rules, const struct preset_reply *reply,
                       struct preset_answer *verdict);
/* The service's name for the mail; false if the answer holds none. */
bool mail_preset_id(const struct mail_preset_rules *rules, const struct preset_reply *reply,
                    struct slice *id);

/* What an answer that is no success says to people: at the service's own place; else where others have it, as
 * what stands before the service does (SES: "Message" of a refused signature, Mailjet: "ErrorMessage" of a
 * refused log-in); else the first line, if it is neither JSON nor html. False if it says nothing. */
bool mail_preset_words(const struct mail_preset_rules *rules, struct slice body, struct slice *words);

/* Puts what the answer to a success says of single recipients into the result. True if the service sends to
 * nobody: then the result is permanent. `secret` as in send_error_set(). */
bool mail_preset_refuses_all(const struct mail_preset_rules *rules, const struct preset_reply *reply,
                             const char *secret, struct send_result *result);

/* The presets, each in presets/preset_<name>.c. */
extern const struct mail_preset_rules preset_resend, preset_postmark, preset_sendgrid, preset_mailgun,
        preset_ses, preset_brevo, preset_mailjet, preset_sparkpost, preset_scaleway, preset_mailpit,
        preset_custom;

#endif
