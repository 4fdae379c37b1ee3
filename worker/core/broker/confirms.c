#include "core/broker/confirms.h"
#include "core/memory/memory.h"

#include <assert.h>
#include <stdlib.h>

static struct confirm_entry *entry_at(const struct confirms *confirms, uint64_t number)
{
        return &confirms->entries[number % confirms->capacity];
}

static bool number_is_known(const struct confirms *confirms, uint64_t number)
{
        return number >= confirms->first && number < confirms->next;
}

void confirms_init(struct confirms *confirms, size_t capacity)
{
        assert(capacity > 0);
        *confirms = (struct confirms){
                .entries = memory_zeroed(capacity, sizeof(*confirms->entries)),
                .capacity = capacity,
                .first = 1,
                .next = 1,
        };
}

void confirms_fini(struct confirms *confirms)
{
        free(confirms->entries);
        *confirms = (struct confirms){0};
}

bool confirms_full(const struct confirms *confirms)
{
        return confirms->next - confirms->first >= confirms->capacity;
}

bool confirms_empty(const struct confirms *confirms)
{
        return confirms->first == confirms->next;
}

uint64_t confirms_add(struct confirms *confirms, void *item, int64_t now_ms)
{
        assert(item && !confirms_full(confirms));
        *entry_at(confirms, confirms->next) = (struct confirm_entry){.item = item, .sent_ms = now_ms};
        return confirms->next++;
}

void *confirms_unreturned(const struct confirms *confirms, uint64_t number)
{
        if (!number_is_known(confirms, number))
                return NULL;
        const struct confirm_entry *entry = entry_at(confirms, number);
        return entry->returned ? NULL : entry->item;
}

void confirms_return(struct confirms *confirms, uint64_t number)
{
        assert(confirms_unreturned(confirms, number));
        entry_at(confirms, number)->returned = true;
}

static void first_advance(struct confirms *confirms)
{
        while (confirms->first < confirms->next && !entry_at(confirms, confirms->first)->item)
                confirms->first++;
}

static void entry_settle(struct confirm_entry *entry, bool acked, confirm_settled *settled, void *context)
{
        if (!entry->item)
                return;
        void *item = entry->item;
        entry->item = NULL;
        if (entry->returned)
                settled(context, item, CONFIRM_RETURNED);
        else
                settled(context, item, acked ? CONFIRM_ACKED : CONFIRM_NACKED);
}

bool confirms_settle(struct confirms *confirms, struct confirm_answer answer, confirm_settled *settled,
                     void *context)
{
        uint64_t number = answer.number;
        if (number == 0 && answer.multiple)
                number = confirms->next - 1;
        else if (number == 0 || number >= confirms->next)
                return false;
        else if (!answer.multiple && (number < confirms->first || !entry_at(confirms, number)->item))
                return false;
        for (uint64_t n = answer.multiple ? confirms->first : number; n <= number; n++)
                entry_settle(entry_at(confirms, n), answer.acked, settled, context);
        first_advance(confirms);
        return true;
}

int64_t confirms_oldest_ms(const struct confirms *confirms)
{
        return confirms_empty(confirms) ? -1 : entry_at(confirms, confirms->first)->sent_ms;
}

void *confirms_take(struct confirms *confirms)
{
        if (confirms_empty(confirms))
                return NULL;
        struct confirm_entry *entry = entry_at(confirms, confirms->first);
        void *item = entry->item;
        entry->item = NULL;
        first_advance(confirms);
        return item;
}

void confirms_restart(struct confirms *confirms)
{
        assert(confirms_empty(confirms));
        confirms->first = confirms->next = 1;
}
