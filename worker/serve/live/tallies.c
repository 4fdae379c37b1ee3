#include "serve/live/tallies.h"
#include "core/memory/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 8, ASKED_SIZE = 512 };

struct tally_slot {
        char asked[ASKED_SIZE]; /* "": of nothing, or not to be kept */
        struct letters_tally *tally;
        int users;     /* that have it or wait for it */
        uint64_t used; /* the turn in which it was asked for last */
        pthread_mutex_t mutex;
};

struct tallies {
        pthread_mutex_t mutex; /* of the slots' names and users */
        struct tally_slot slots[SLOTS];
        uint64_t turn;
};

static void slot_init(struct tally_slot *slot)
{
        slot->tally = letters_tally_open();
        if (pthread_mutex_init(&slot->mutex, NULL))
                abort();
}

static void slot_fini(struct tally_slot *slot)
{
        letters_tally_close(slot->tally);
        pthread_mutex_destroy(&slot->mutex);
}

struct tallies *tallies_open(void)
{
        struct tallies *tallies = memory_zeroed(1, sizeof(*tallies));
        if (pthread_mutex_init(&tallies->mutex, NULL))
                abort();
        for (size_t i = 0; i < SLOTS; i++)
                slot_init(&tallies->slots[i]);
        return tallies;
}

void tallies_close(struct tallies *tallies)
{
        for (size_t i = 0; i < SLOTS; i++)
                slot_fini(&tallies->slots[i]);
        pthread_mutex_destroy(&tallies->mutex);
        free(tallies);
}

/* That of these words, else the one that nobody has asked for the longest; NULL: all are in use. */
static struct tally_slot *tallies_find(struct tallies *tallies, const char *asked)
{
        struct tally_slot *oldest = NULL;
        for (size_t i = 0; i < SLOTS; i++) {
                struct tally_slot *slot = &tallies->slots[i];
                if (strcmp(slot->asked, asked) == 0)
                        return slot;
                if (slot->users == 0 && (!oldest || slot->used < oldest->used))
                        oldest = slot;
        }
        if (!oldest)
                return NULL;
        letters_tally_close(oldest->tally);
        oldest->tally = letters_tally_open();
        snprintf(oldest->asked, sizeof(oldest->asked), "%s", asked);
        return oldest;
}

static struct tally_slot *slot_alone(void)
{
        struct tally_slot *slot = memory_zeroed(1, sizeof(*slot));
        slot_init(slot);
        return slot;
}

struct tally_slot *tallies_take(struct tallies *tallies, const char *asked)
{
        struct tally_slot *slot = NULL;
        if (asked && asked[0] && strlen(asked) < ASKED_SIZE) {
                pthread_mutex_lock(&tallies->mutex);
                slot = tallies_find(tallies, asked);
                if (slot) {
                        slot->users++;
                        slot->used = ++tallies->turn;
                }
                pthread_mutex_unlock(&tallies->mutex);
        }
        if (!slot)
                slot = slot_alone();
        pthread_mutex_lock(&slot->mutex);
        return slot;
}

struct letters_tally *tally_of(const struct tally_slot *slot)
{
        return slot->tally;
}

void tallies_give(struct tallies *tallies, struct tally_slot *slot)
{
        bool kept = slot >= tallies->slots && slot < tallies->slots + SLOTS;
        pthread_mutex_unlock(&slot->mutex);
        if (kept) {
                pthread_mutex_lock(&tallies->mutex);
                slot->users--;
                pthread_mutex_unlock(&tallies->mutex);
        } else {
                slot_fini(slot);
                free(slot);
        }
}
