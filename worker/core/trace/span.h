#ifndef LEVERET_CORE_SPAN_H
#define LEVERET_CORE_SPAN_H

#include "core/codec/traceparent.h"
#include "core/text/buffer.h"

#include <stdbool.h>

/*
 * One span of a trace, and the request of OTLP/HTTP in JSON that carries many
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in hex, 64-bit numbers as texts,
 * enums as numbers). Names of attributes are those of the semantic conventions for messaging where there is
 * one, else they begin with `leveret.`.
 */

enum {
        TRACE_ID_SIZE = 33, /* hex and the NUL */
        SPAN_ID_SIZE = 17,
        SPAN_ATTRIBUTES_MAX = 16,
        SPAN_TEXT_MAX = 256, /* bytes of a name, a value or an error as it is sent */
        SPAN_ERROR_MAX = 512,
};

/* As OTLP numbers them (opentelemetry.proto.trace.v1.Span.SpanKind). */
enum span_kind { SPAN_INTERNAL = 1, SPAN_CLIENT = 3, SPAN_PRODUCER = 4, SPAN_CONSUMER = 5 };

struct span_attribute {
        const char *name;  /* lives for ever */
        struct slice text; /* absent: it is the number */
        int64_t number;
};

struct span {
        char trace[TRACE_ID_SIZE], id[SPAN_ID_SIZE];
        char parent[SPAN_ID_SIZE]; /* "": none */
        bool remote;               /* the parent is of another process */
        unsigned flags;            /* of the traceparent, 0 to 255 */
        struct slice state;        /* of the trace, TRACESTATE_MAX bytes at most; absent: none */
        enum span_kind kind;
        int64_t start_ns, end_ns; /* since 1970 */
        const char *verb;         /* "receive"; with what follows it is the name. Lives for ever */
        struct slice object;
        bool failed;
        struct slice error; /* why it failed; may be empty */
        size_t attribute_count;
        struct span_attribute
                attributes[SPAN_ATTRIBUTES_MAX]; /* the last member: a packed span has no more than it uses */
};

/* Adds an attribute, if there is something to say and room. `name` lives for ever, the text is borrowed. */
void span_add_text(struct span *span, const char *name, const char *text);
void span_add_number(struct span *span, const char *name, int64_t number);

/* A copy in one block with all its texts, each cut to its bound; free() frees it. `bytes` is its size. */
struct span *span_pack(const struct span *span, size_t *bytes);

/* 16 hex characters of 64 random bits, never all zero. */
void span_id_write(char out[SPAN_ID_SIZE], uint64_t random);
/* A traceparent that names the span as the parent. */
void span_context_write(char out[TRACEPARENT_SIZE], const char *trace, const char *id, unsigned flags);
/* The parts of a traceparent that traceparent_parse() wrote. */
void span_context_read(const char *traceparent, char trace[TRACE_ID_SIZE], char id[SPAN_ID_SIZE],
                       unsigned *flags);
enum { SPAN_SAMPLED = 1 }; /* a flag */

/* The trace of a message that belongs to none: the same for all tries of a job, so that they stand together.
 */
void span_root_trace(char out[TRACE_ID_SIZE], const char *prefix, const char *id);
/* Is it among the `percent` of such traces that are kept? Every worker answers alike. */
bool span_root_is_sampled(const char *trace, int64_t percent);

/* What every span of the process has in common. Borrowed. */
struct span_resource {
        const char *service, *instance, *version; /* of leveret */
        const char *const *more;                  /* further attributes, "name\nvalue" each */
        size_t more_count;
};

/* A request in parts: its head, then each span with a comma between them, then its foot. Addresses in texts
 * are masked as in the log. */
void span_request_begin(struct buffer *out, const struct span_resource *resource);
void span_request_add(struct buffer *out, const struct span *span, bool first);
void span_request_end(struct buffer *out);

#endif
