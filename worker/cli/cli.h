#ifndef LEVERET_CLI_CLI_H
#define LEVERET_CLI_CLI_H

#include "core/memory/arena.h"
#include "core/settings/config.h"
#include "core/text/buffer.h"
#include "core/text/faults.h"
#include "core/types/type_set.h"
#include "io/redis/redis_sync.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all commands share. Data goes to stdout, progress and errors to stderr. */

enum cli_exit {
        CLI_OK = 0,
        CLI_ERROR = 1,
        CLI_USAGE = 2,
        CLI_NOT_FOUND = 3,
        CLI_REFUSED = 4,
        CLI_CONFIG = 78
};
enum cli_output { CLI_TABLE, CLI_JSON };

enum { CLI_SETS_MAX = 64, CLI_WORDS_MAX = 4096 };

/* A flag that only some commands know: `--limit 20` or `--dry-run`. A table is ended by a NULL name. */
struct cli_flag {
        const char *name; /* "--limit" */
        bool takes_value;
        bool repeats;        /* further values are added to the first, one a line */
        bool takes_duration; /* the next word is its value if it is a duration; else it stands alone, "" */
        const char **value;  /* set to the value, or to "" for a flag without one; what it was, NULL or a
                              * default, stays if not given */
};

struct cli {
        const char *program, *command;
        const char *config_file; /* NULL: that of the environment, or in a default place */
        const char *sets[CLI_SETS_MAX];
        size_t set_count;
        uint64_t given;           /* flags of the command that had a value so far, bit by bit: 64 at most */
        const char **environment; /* NULL: that of the process; see cli_secrets_hide */
        enum cli_output output;
        bool yes;
        bool wide;    /* --wide: whole words, whole times and every column, also on a narrow terminal */
        size_t width; /* columns of the terminal on stdout; 0: none, so nothing is shortened */
        bool colour;  /* stdout is a terminal that shows it, and NO_COLOR is not set */
        bool help;
        bool logs;                        /* stderr is a log: warnings belong into it */
        const char *warnings;             /* of the configuration, one a line; or NULL */
        const char *errors;               /* of a configuration that was loaded anew while logging; or NULL */
        const char *words[CLI_WORDS_MAX]; /* what is neither a flag nor its value */
        size_t word_count;
        struct arena arena;     /* lives as long as the command */
        struct config *config;  /* after cli_config */
        struct type_set *types; /* after cli_config or cli_types: those in C and those from files */
};

struct cli_command {
        const char *name;
        const char *usage;   /* lines for --help, without the program's name */
        const char *summary; /* one line */
        int (*run)(struct cli *cli, int argc, char **argv);
};
extern const struct cli_command cli_commands[]; /* ended by a NULL name */

/* Takes the command line apart; common flags (-c --set -o --yes --help) work everywhere. False: an error was
 * told. */
bool cli_parse(struct cli *cli, int argc, char **argv, const struct cli_flag *flags);
/* Common flags may stand before the command too: moves the command to argv[1], in front of them. */
void cli_command_first(int argc, char **argv);
/* Loads and checks the configuration, and the types that it names. CLI_OK, or CLI_CONFIG with all errors
 * told. */
int cli_config(struct cli *cli);
/* Loads the types alone: of the configuration, which need not be whole, only types.path is taken. */
int cli_types(struct cli *cli);
/* The handler of a type, or NULL with it told that there is none. */
const struct handler *cli_handler(struct cli *cli, const char *type);
/* Loads it anew, for a reload, and cli->types; NULL with the errors told, or in cli->errors if stderr is a
 * log that has begun, and cli->types as it was. The caller owns it (config_free). */
struct config *cli_load(struct cli *cli);
/*
 * For a process that stays: takes the secrets of the loaded configuration out of what /proc shows of the
 * process, its environment and its command line (`argv`, overwritten in place). cli_load goes on with copies.
 */
void cli_secrets_hide(struct cli *cli, int argc, char **argv);
/* No core dumps and no debugger but root's: both would show secrets and the mails' texts. No privilege is
 * ever won by execve(2), should anybody get so far. */
void cli_process_close(void);
/* Opens Redis with the loaded configuration; NULL after printing the error. */
struct redis_sync *cli_redis(struct cli *cli);

/* An error on stderr: "leveret publish: ..."; returns `status` for `return cli_fail(...)`. */
int cli_fail(const struct cli *cli, int status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* All faults on stderr, one a line: "leveret plan: bad_payload: /to: required". `after` follows the last one.
 */
int cli_fail_faults(struct cli *cli, const char *reason, const struct faults *faults, const char *after);
/* Usage of the present command on stderr; returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *problem);

/* A whole argument: the text itself, the content of @file, or stdin for "-". At most `max` bytes. False:
 * told. */
bool cli_data(struct cli *cli, const char *argument, size_t max, struct slice *data);
/* What to say of a first word that is no verb: `problem`, and the verb of `names` (ended by NULL) that was
 * meant. In the cli's arena. */
const char *cli_word_missing(struct cli *cli, const char *problem, const char *const *names);
bool cli_parse_count(const char *text, int64_t least, int64_t most, int64_t *value);

/* Text from outside, safe for a terminal: control characters (also C1) as \xNN. In the cli's arena. */
const char *cli_safe(struct cli *cli, struct slice text);
/* "2026-01-02T03:04:05.678Z", "-" for 0. In the cli's arena. */
const char *cli_time(struct cli *cli, int64_t ms);
/* The same for a table: on a terminal without --wide how long ago, "3m", or "in 3m". */
const char *cli_when(struct cli *cli, int64_t ms);
/* Finds out how wide stdout is, and if it shows colours. */
void cli_look_at_terminal(struct cli *cli);
/* The word in the colour of its meaning if stdout shows colours, else as it is. In the cli's arena. */
const char *cli_coloured(struct cli *cli, const char *word, const char *text);
/* Says on stderr that a list has ended early: "the first 50 of 230; ..". */
void cli_tell_more(const struct cli *cli, size_t shown, size_t all, const char *remedy);

/* A table on stdout: columns aligned for people, or one JSON object a row with -o json. On a terminal no line
 * is wider than it: long words lose their middle, the longest first. Values are borrowed until
 * cli_table_print. A JSON value is written as a string unless its column is numeric: then as the number that
 * it is, or null. */
struct cli_column {
        const char *title; /* "ATTEMPT"; the JSON name is its lower case */
        bool numeric;
        bool optional; /* "-" says that there is none: null in JSON, as in a numeric one */
        bool extra;    /* gives way first where a terminal is too narrow for all */
        bool whole;    /* short words that are never shortened */
        bool state;    /* a word of a job's, a queue's or a breaker's state: in its colour */
};
struct cli_table {
        struct cli *cli;
        const struct cli_column *columns;
        size_t column_count;
        const char **cells;
        size_t row_count, row_capacity;
};
void cli_table_init(struct cli_table *table, struct cli *cli, const struct cli_column *columns, size_t count);
/* As many C strings as columns. */
void cli_table_row(struct cli_table *table, ...);
void cli_table_print(struct cli_table *table);
/* The same into a buffer. Both end the table. */
void cli_table_add(struct cli_table *table, struct buffer *out);

/* Writes the text and a line feed to stdout. False if that failed (a closed pipe). */
bool cli_print(struct slice text);

/* The same for JSON. Some terminals obey DEL and C1 also in UTF-8: they are escaped; they stand only in
 * strings. */
bool cli_print_json(struct slice json);
/* Adds ,"name":"text", or null for a text that is NULL. */
void cli_add_json(struct buffer *out, const char *name, const char *text);

#define CLI_COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The commands, one file each. */
int command_run(struct cli *cli, int argc, char **argv);
int command_check(struct cli *cli, int argc, char **argv);
int command_relay(struct cli *cli, int argc, char **argv);
int command_serve(struct cli *cli, int argc, char **argv);
int command_topology(struct cli *cli, int argc, char **argv);
int command_type(struct cli *cli, int argc, char **argv);
int command_template(struct cli *cli, int argc, char **argv);
int command_plan(struct cli *cli, int argc, char **argv);
int command_publish(struct cli *cli, int argc, char **argv);
int command_job(struct cli *cli, int argc, char **argv);
int command_dlq(struct cli *cli, int argc, char **argv);
int command_queue(struct cli *cli, int argc, char **argv);
int command_schedule(struct cli *cli, int argc, char **argv);
int command_worker(struct cli *cli, int argc, char **argv);
int command_health(struct cli *cli, int argc, char **argv);
int command_mail(struct cli *cli, int argc, char **argv);
int command_top(struct cli *cli, int argc, char **argv);

#endif
