#include "handler.h"

/* Every type of message, one line each; the name is the one that the type's file gives to HANDLER. A line may
 * be added anywhere, with its backslash. */
#define HANDLERS(X)                                                                                          \
        X(email_send_v1)                                                                                     \
        X(invoice_overdue_v1)                                                                                \
        X(order_created_v1)                                                                                  \
        /* the end of the list */

#ifdef LEVERET_CRASHPOINTS
#        define TEST_HANDLERS(X)                                                                             \
                X(test_hostile_v1)                                                                           \
                X(test_chain_first_v1)                                                                       \
                X(test_chain_second_v1)                                                                      \
                X(test_chain_last_v1)
#else
#        define TEST_HANDLERS(X)
#endif

#define X(name) extern const struct handler name;
HANDLERS(X)
TEST_HANDLERS(X)
#undef X

const struct handler *const handlers[] = {
#define X(name) &name,
        HANDLERS(X) TEST_HANDLERS(X)
#undef X
                NULL,
};
