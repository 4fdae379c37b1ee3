#include "io/serve/http_request.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

const char *http_request_method(const struct http_request *request)
{
        return request->method;
}

const char *http_request_path(const struct http_request *request)
{
        return request->path;
}

struct slice http_request_body(const struct http_request *request)
{
        return (struct slice){.data = request->body.data ? request->body.data : "", .len = request->body.len};
}

const char *http_request_header(const struct http_request *request, const char *name)
{
        return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
        const char *value = NULL;
        if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                          &value, NULL) != MHD_YES)
                return NULL;
        return value ? value : "";
}

struct stray {
        bool (*known)(void *context, const char *name);
        void *context;
        const char *seen[16];
        size_t count;
        const char *found;
};

static enum MHD_Result look_at_member(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
        (void)kind;
        (void)value;
        struct stray *stray = context;
        bool bad = !stray->known(stray->context, name) ||
                   stray->count == sizeof(stray->seen) / sizeof(*stray->seen);
        for (size_t i = 0; i < stray->count && !bad; i++)
                bad = strcmp(stray->seen[i], name) == 0;
        if (bad)
                stray->found = name;
        else
                stray->seen[stray->count++] = name;
        return bad ? MHD_NO : MHD_YES;
}

const char *http_request_stray(const struct http_request *request,
                               bool (*known)(void *context, const char *name), void *context)
{
        struct stray stray = {.known = known, .context = context};
        MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, look_at_member, &stray);
        return stray.found;
}

void *http_request_place(const struct http_request *request)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        return info ? info->socket_context : NULL;
}

uint64_t http_request_client(const struct http_request *request)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *address = info ? info->client_addr : NULL;
        unsigned char bytes[8] = {0};
        uint64_t client = UINT64_C(14695981039346656037); /* FNV-1a */
        if (address && address->sa_family == AF_INET)
                memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        else if (address && address->sa_family == AF_INET6)
                memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 8);
        for (size_t i = 0; i < sizeof(bytes); i++)
                client = (client ^ bytes[i]) * UINT64_C(1099511628211);
        return client;
}

void http_answer_header(struct http_answer *answer, const char *name, const char *value)
{
        for (size_t i = 0; i < HTTP_HEADERS_MAX; i++) {
                if (answer->headers[i].name)
                        continue;
                answer->headers[i].name = name;
                snprintf(answer->headers[i].value, sizeof(answer->headers[i].value), "%s", value);
                return;
        }
}
