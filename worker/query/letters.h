#ifndef LEVERET_QUERY_LETTERS_H
#define LEVERET_QUERY_LETTERS_H

#include "core/text/buffer.h"
#include "query/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The index of dead letters in Redis. */

/* One dead letter as the index in Redis knows it. Everything lies in the arena of the query. */
struct letter_entry {
        const char *dead_id, *id; /* id "" if the message had none */
        struct slice type, reason, error, subject;
        struct slice app_id, routing_key; /* who published it, and how */
        struct slice message_id;          /* as it came, if it is no usable id */
        int64_t deadline_ms;              /* 0: none */
        int64_t failed_ms, first_seen_ms, attempt, redrives, size;
        int64_t copies; /* so many messages cannot be told apart: same id, content and reason */
        int64_t met;    /* so many of them were met in the queue */
        bool wanted;    /* chosen by ids or filters */
        bool head_is_known;
        struct slice head; /* if it is: the first RECORD_HEAD_MAX bytes of the body */
};

struct letters {
        struct letter_entry *entries; /* the oldest first */
        size_t count, capacity;
};

/* Which letters; NULL or 0: all. `search` is looked for in id, type, error, subject and the head of the body.
 */
struct letter_filter {
        const char *type, *reason, *subject, *search;
        int64_t since_ms; /* died then or later */
};

/* Dead letters that died of the same: of one type, one reason, errors that differ only in numbers and ids,
 * and one publisher, as far as its routing key and app_id tell. */
struct letter_group {
        const char *type, *reason, *shape, *key, *app, *example;
        size_t count;
        int64_t first_ms, last_ms;
};

/* A part of a queue's index: `count` letters from the oldest but `from` on. */
struct letters_part {
        size_t from, count;
        bool heads; /* with the heads of their bodies */
};
/* Adds those that there are. NULL, or what Redis said. */
const char *letters_read(const struct query *query, const char *queue, const struct letters_part *part,
                         struct letters *letters);
/* Reads all of a queue's index. NULL, or what Redis said. */
const char *letters_load(const struct query *query, const char *queue, struct letters *letters);
bool letter_passes(const struct query *query, const struct letter_entry *entry,
                   const struct letter_filter *filter);
/* All that the index holds of one; without any field: there is none. */
const struct redis_value *letter_find(const struct query *query, const char *dead_id);
/* Adds ,"field":"text" for each of them. */
void letter_add_fields(const struct redis_value *hash, struct buffer *out);
/* Adds what lists show of one as a JSON object. */
void letter_add_json(const struct letter_entry *entry, struct buffer *out);
/* Joins those that are `wanted` by what they died of; the largest group first. Returns how many groups. */
size_t letters_group(const struct query *query, const struct letters *letters, struct letter_group **groups);

/* The group of one letter; two of the same compare as 0 and may be joined. For qsort: by what they are of,
 * and the largest first. Texts lie in the query's arena. */
struct letter_group letter_group_of(const struct query *query, const struct letter_entry *entry);
int letter_group_compare(const void *a, const void *b);
int letter_group_compare_count(const void *a, const void *b);
void letter_group_join(struct letter_group *group, const struct letter_group *more);

#endif
