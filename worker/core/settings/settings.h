#ifndef LEVERET_CORE_SETTINGS_H
#define LEVERET_CORE_SETTINGS_H

#include "core/memory/arena.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"

/*
 * Every setting, once: this table drives parsing, defaults, checking, printing, reloading and
 * config/leveret.yaml.
 */

enum setting_kind {
        SETTING_DURATION,  /* int64_t milliseconds */
        SETTING_SIZE,      /* int64_t bytes */
        SETTING_INTEGER,   /* int64_t */
        SETTING_RATE,      /* double per second */
        SETTING_BOOLEAN,   /* bool */
        SETTING_WORD,      /* an enum whose values are the indexes of `words` */
        SETTING_DURATIONS, /* list of durations that also keeps their text: config_queue.tiers */
        SETTING_TEXT, /* const char *, as are the next five; NULL if unset; values of this and the next kinds
                         are free text, never quoted in errors */
        SETTING_URL,  /* a URL with one of the schemes in `words` */
        SETTING_PATH, /* a file */
        SETTING_MAILBOX, /* "Shop <shop@example.com>" or a bare address */
        SETTING_ADDRESS, /* a bare e-mail address */
        SETTING_LISTEN,  /* host:port or off */
        SETTING_TEXTS,   /* list of const char *, at most CONFIG_TEXTS_MAX, `min` to `max` of them */
};

/* Which struct `offset` is in, and how the name begins. */
enum setting_scope {
        SETTING_OF_WORKER,   /* struct config */
        SETTING_OF_QUEUE,    /* struct config_queue; "queues[]." */
        SETTING_OF_HANDLER,  /* struct config_handler; "handlers.*." */
        SETTING_OF_OUTLET,   /* struct config_outlet; "mail." of all, "outlets.*." of those but mail */
        SETTING_OF_TOKEN,    /* struct config_token; "serve.tokens[]." */
        SETTING_OF_SCHEDULE, /* struct config_schedule; "schedules[]." */
};

/* Of what kind of outlets a setting is, bit by bit of enum outlet_kind; 0: of all. */
enum { SETTING_KIND_MAIL = 1 << OUTLET_MAIL, SETTING_KIND_POST = 1 << OUTLET_POST };

/* SETTING_TEXTS whose items may be two texts with a line end between them. */
enum setting_pairs {
        SETTING_SINGLE,
        SETTING_OF_EXCHANGE, /* {exchange: LEFT, key: RIGHT}, or a text alone */
        SETTING_BY_NAME,     /* the list is a mapping, LEFT: RIGHT */
};

struct setting {
        const char *name; /* dotted, as in the file */
        enum setting_kind kind;
        enum setting_scope scope;
        bool secret;     /* printed as ***, also read from a file named by LEVERET_..._FILE */
        bool from_file;  /* no secret, but read from such a file too */
        bool reloadable; /* takes effect on SIGHUP */
        size_t offset;
        size_t has_offset;   /* of a bool that says that it was set; 0: none */
        size_t count_offset; /* SETTING_TEXTS: of the size_t behind the list */
        enum setting_pairs pairs;
        size_t written_offset; /* SETTING_TEXTS: of a bool that says that it is not the default; 0: none */
        unsigned kinds;        /* SETTING_OF_OUTLET: SETTING_KIND_.. */
        int64_t min, max; /* inclusive, of numbers; in the unit of the value. Of SETTING_TEXT: `max` bytes; 0:
                             no limit */
        const char *const *words; /* NULL-terminated */
        const char *fallback; /* the default as one would write it (lists: comma-separated); NULL: unset */
        const char *shown;    /* what config/leveret.yaml sets instead of the default */
        const char *example;  /* what it shows in a comment when nothing is set */
        const char *prose;
};

enum { SETTING_ERROR_MAX = 256 };

/* Is only the password in it secret, for it is a URL with credentials? */
bool setting_hides_password(const struct setting *setting);

/* The table; entries of a scope stand together. */
extern const struct setting settings[];
extern const size_t setting_count;

/* "amqp.url" of the table for "amqp.url", "queues[].name" for "queues[3].name", "handlers.*.timeout" for
 * "handlers.order.created.v1.timeout", "mail.rate" for "outlets.backup.rate"; NULL if there is none. */
const struct setting *setting_find(const char *path);
/* How much of what stands behind "handlers." is the type: "cart.left.v1" of "cart.left.v1.plan.url", which is
 * a `leaf`, and of "cart.left.v1.plan", which is none. */
size_t setting_handler_type_len(const char *path, bool leaf);
/* Is that path a mapping in which settings lie ("mail", "mail.http", "queues[0].retry", "handlers.a.v1")? */
bool setting_is_section(const char *path);
/* The path of the same level that was probably meant, spelt with the table's names; NULL if none is near. In
 * the arena. */
const char *setting_suggest(struct arena *arena, const char *path);
/* LEVERET_AMQP_URL for amqp.url, LEVERET_OUTLETS_BACKUP_RATE for outlets.backup.rate. `path` NULL: that of
 * the table. Settings of queues and handlers have none: NULL. The secret of a token has one by its place in
 * the list, LEVERET_SERVE_TOKENS_0_TOKEN, if the path says which. */
const char *setting_variable(struct arena *arena, const struct setting *setting, const char *path);

/* Everything at its default, with the one default queue. Strings are the table's own or the arena's. */
void settings_defaults(struct config *config, struct arena *arena);
void settings_queue_defaults(struct config_queue *queue, struct arena *arena);
void settings_handler_defaults(struct config_handler *handler, struct arena *arena);
void settings_token_defaults(struct config_token *token, struct arena *arena);
void settings_schedule_defaults(struct config_schedule *schedule, struct arena *arena);
void settings_outlet_defaults(struct config_outlet *outlet, const char *name, struct arena *arena);

/* One setting of one configuration. */
struct setting_visit {
        const struct setting *setting;
        const void *base;  /* the struct that it lies in */
        const char *owner; /* of a list entry: the queue, the type or the outlet; else NULL */
        size_t index;      /* of the entry in its list */
        const char *name;  /* as the file writes it below its owner: "http.url", "retry.tiers", "amqp.url" */
};
typedef void setting_visitor(void *context, const struct setting_visit *visit);
/* Calls `visit` for every setting that the configuration has, in the order of the table, entry by entry. Of
 * an outlet the settings of its kind. */
void settings_visit(const struct config *config, setting_visitor *visit, void *context);
/* "outlets.backup.rate", "queues[3].name", in the arena. */
const char *setting_visit_path(struct arena *arena, const struct setting_visit *visit);

/* What was written for one setting: the items of a list, or one text. */
struct setting_texts {
        const char *const *list;
        size_t count;
};
/*
 * Parses and stores a value; `base` is the struct of the setting's scope. All but lists take one text. An
 * empty text unsets an optional string. False with what was expected in `error`, which never holds a secret.
 */
bool setting_assign(const struct setting *setting, void *base, struct setting_texts texts,
                    struct arena *arena, char error[SETTING_ERROR_MAX]);
/* Adds the value as one would write it in the file. With `masked`, secrets become ***, of URLs only the
 * password. False, adding nothing, if it is unset. */
bool setting_print(const struct setting *setting, const void *base, bool masked, struct buffer *out);
bool setting_equal(const struct setting *setting, const void *a, const void *b);

/* Copies what may change while running, handlers included; of a queue that of the one with the same name.
 * Strings are borrowed: `from` must outlive `into`. */
void settings_reload(struct config *into, const struct config *from);

/* Adds all values as a YAML file that can be loaded again where no secret is masked. */
void settings_print(const struct config *config, struct buffer *out);
/* Adds config/leveret.yaml: every setting with its explanation at its default. */
void settings_document(struct buffer *out);
/* Adds the manual page leveret.yaml(5), in man(7). */
void settings_manual(struct buffer *out);

#endif
