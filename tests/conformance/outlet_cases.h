#ifndef LEVERET_CONFORMANCE_OUTLET_CASES_H
#define LEVERET_CONFORMANCE_OUTLET_CASES_H

#include "io/send/transport.h"

/*
 * What the engine relies on when it sends, as one table of cases: for io/send over services on loopback
 * (outlet_conformance_test.c: a mail over HTTP, a mail over SMTP, a post), and for the services of the
 * engine's simulator (outlet_model_test.c: a mail, a post). All are to pass it.
 */

enum service_does {
        SERVICE_TAKES,       /* accepts it, and says so */
        SERVICE_REFUSES,     /* for good */
        SERVICE_REFUSES_NOW, /* for now */
        SERVICE_REFUSES_US,  /* the key, or the log-in */
        SERVICE_IS_AWAY,     /* nobody listens */
        SERVICE_CUTS,        /* has the whole request, and closes the connection without an answer */
        SERVICE_IS_SILENT,   /* has the whole request, and says nothing */
};

struct outlet_subject {
        void *context;
        /* A service that does so, and a transport that leads to it. */
        void (*open)(void *context, enum service_does does);
        struct transport *(*transport)(void *context);
        /* One request is given to the transport, which has a place for it. */
        void (*send)(void *context, struct send_terms terms, send_done *done, void *done_context);
        /* A little happens, to the loop as well. */
        void (*turn)(void *context);
        /* Turns until the service has so many whole requests. */
        void (*reach)(void *context, unsigned requests);
        /* Requests of which the service has sent, or would have sent, the good answer. */
        unsigned (*accepted)(void *context);
        int64_t (*clock_boot_ms)(void *context);
        /* Closes the transport if it is open, and ends the service. */
        void (*close)(void *context);
};

struct outlet_case {
        const char *name;
        void (*run)(const struct outlet_subject *subject);
};

extern const struct outlet_case outlet_cases[];
extern const size_t outlet_case_count;

#endif
