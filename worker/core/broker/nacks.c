#include "core/broker/nacks.h"

enum { NACKS_MS = 3000, NACKS_MAX_MS = 60000 };

void nacks_init(struct nacks *nacks)
{
        *nacks = (struct nacks){.limit_ms = NACKS_MS};
}

void nacks_note(struct nacks *nacks, int64_t now_ms)
{
        if (nacks->first_ms == 0)
                nacks->first_ms = now_ms;
        nacks->overdue = now_ms - nacks->first_ms >= nacks->limit_ms;
}

void nacks_renewed(struct nacks *nacks)
{
        int64_t limit_ms = 2 * nacks->limit_ms;
        *nacks = (struct nacks){.limit_ms = limit_ms < NACKS_MAX_MS ? limit_ms : NACKS_MAX_MS};
}
