#ifndef LEVERET_IO_TRACE_LINES_H
#define LEVERET_IO_TRACE_LINES_H

#include "core/text/buffer.h"

#include <curl/curl.h>

/* The headers traceparent and tracestate of one request of libcurl, which only reads the list that they are
 * in. Zeroed at first. */
struct trace_lines {
        struct curl_slist parent, state;
        struct buffer parent_line, state_line;
};

/* Writes them in front of `rest` and returns the list: neither, traceparent alone, or both. What is invalid
 * is left out, and the state without its parent. NULL: there is none. */
struct curl_slist *trace_lines_link(struct trace_lines *lines, const char *traceparent,
                                    const char *tracestate, struct curl_slist *rest);
void trace_lines_fini(struct trace_lines *lines);

#endif
