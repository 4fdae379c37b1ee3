#include "io/send/trace_lines.h"
#include "core/codec/traceparent.h"
#include "core/codec/tracestate.h"

static struct curl_slist line_make(struct buffer *line, const char *name, const char *value,
                                   struct curl_slist *rest)
{
        buffer_clear(line);
        buffer_printf(line, "%s: %s", name, value);
        return (struct curl_slist){.data = line->data, .next = rest};
}

struct curl_slist *trace_lines_link(struct trace_lines *lines, const char *traceparent,
                                    const char *tracestate, struct curl_slist *rest)
{
        char canonical[TRACEPARENT_SIZE];
        if (!traceparent_parse(slice_of(traceparent), canonical))
                return rest;
        lines->parent = line_make(&lines->parent_line, "traceparent", canonical, rest);
        if (!tracestate_valid(slice_of(tracestate)))
                return &lines->parent;
        lines->state = line_make(&lines->state_line, "tracestate", tracestate, &lines->parent);
        return &lines->state;
}

void trace_lines_fini(struct trace_lines *lines)
{
        buffer_fini(&lines->parent_line);
        buffer_fini(&lines->state_line);
}
