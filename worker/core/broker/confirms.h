#ifndef LEVERET_CORE_CONFIRMS_H
#define LEVERET_CORE_CONFIRMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Publisher confirms of one channel (https://www.rabbitmq.com/confirms.html): the n-th publish after
 * confirm.select has sequence number n. Acks and nacks come in any order, singly or for all up to a number; a
 * message that no queue took is returned before it is acked. At most `capacity` numbers lie between the
 * oldest outstanding one and the next.
 */
enum confirm_outcome {
        CONFIRM_ACKED,
        CONFIRM_RETURNED, /* acked or nacked after a basic.return */
        CONFIRM_NACKED,
};

struct confirm_entry {
        void *item; /* NULL: settled already */
        int64_t sent_ms;
        bool returned;
};

struct confirms {
        struct confirm_entry *entries; /* ring, number modulo capacity */
        size_t capacity;
        uint64_t first; /* the oldest outstanding number, or `next` */
        uint64_t next;  /* the number of the next publish */
};

/* Called for each number that is settled, oldest first. */
typedef void confirm_settled(void *context, void *item, enum confirm_outcome outcome);

/* `capacity` is at least 1. Whoever ends it takes all items out before. */
void confirms_init(struct confirms *confirms, size_t capacity);
void confirms_fini(struct confirms *confirms);

/* Is there no number left to give out, or none outstanding? */
bool confirms_full(const struct confirms *confirms);
bool confirms_empty(const struct confirms *confirms);
/* Counts a publish; `item` is not NULL and stays the caller's. Not to be called when full. Returns its
 * number. */
uint64_t confirms_add(struct confirms *confirms, void *item, int64_t now_ms);
/* The item of an outstanding number that was not returned yet, else NULL. For finding whom a basic.return
 * means. */
void *confirms_unreturned(const struct confirms *confirms, uint64_t number);
/* basic.return for that outstanding number. */
void confirms_return(struct confirms *confirms, uint64_t number);
/* What a basic.ack or basic.nack says. */
struct confirm_answer {
        uint64_t number; /* 0 with `multiple`: all outstanding */
        bool multiple;   /* all up to that number */
        bool acked;
};
/* False: the number was never given out, or is settled already and not meant as "up to": a breach of the
 * protocol. */
bool confirms_settle(struct confirms *confirms, struct confirm_answer answer, confirm_settled *settled,
                     void *context);
/* When the oldest outstanding one was sent, or -1. */
int64_t confirms_oldest_ms(const struct confirms *confirms);
/* Takes out the oldest outstanding item, or NULL: empties the tracker of a lost connection. */
void *confirms_take(struct confirms *confirms);
/* A new channel: numbers begin at 1 again. Only when empty. */
void confirms_restart(struct confirms *confirms);

#endif
