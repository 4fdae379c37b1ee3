#include "core/serve/openapi.h"

#include "core/serve/route.h"

#include <ctype.h>
#include <string.h>

/* Who may, as the description of an operation says it. */
static const char *const roles[] = {
        [SERVE_FOR_ALL] = "Open to everybody.",
        [SERVE_FOR_GUESTS] = "Open to everybody.",
        [SERVE_FOR_ANY] = "Roles: read, publish, operate.",
        [SERVE_FOR_READ] = "Roles: read, operate.",
        [SERVE_FOR_OWN] = "Roles: read, operate; publish for what it published itself.",
        [SERVE_FOR_OWN_CHANGE] = "Roles: operate; publish for what it published itself.",
        [SERVE_FOR_PUBLISH] = "Roles: publish, operate.",
        [SERVE_FOR_OPERATE] = "Role: operate.",
};

static void openapi_add_string(struct buffer *out, const char *text)
{
        buffer_add_json_string(out, slice_of(text));
}

static void add_parameter(struct buffer *out, const char *name, const char *in, const char *prose)
{
        if (out->data[out->len - 1] == '}')
                buffer_add_char(out, ',');
        buffer_printf(out, "{\"name\":\"%s\",\"in\":\"%s\",%s\"schema\":{\"type\":\"string\"}", name, in,
                      strcmp(in, "path") == 0 ? "\"required\":true," : "");
        if (prose) {
                buffer_add_text(out, ",\"description\":");
                openapi_add_string(out, prose);
        }
        buffer_add_char(out, '}');
}

static void add_parameters(struct buffer *out, const struct serve_route *route)
{
        buffer_add_text(out, ",\"parameters\":[");
        for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{')) {
                char name[32] = "";
                strncat(name, at + 1,
                        strcspn(at + 1, "}") < sizeof(name) ? strcspn(at + 1, "}") : sizeof(name) - 1);
                add_parameter(out, name, "path", NULL);
        }
        for (size_t i = 0; i < SERVE_QUERY_MAX && route->query[i].name; i++)
                add_parameter(out, route->query[i].name, "query", route->query[i].prose);
        buffer_add_char(out, ']');
}

static const char *type_of(const struct serve_route *route)
{
        if (route->action == SERVE_LIVE)
                return "text/plain";
        return route->action == SERVE_STREAM ? "text/event-stream" : "application/json";
}

static const char *openapi_schema_of(const struct serve_route *route)
{
        if (route->list)
                return "{\"$ref\":\"#/components/schemas/list\"}";
        bool json = strcmp(type_of(route), "application/json") == 0;
        return json ? "{\"type\":\"object\"}" : "{\"type\":\"string\"}";
}

static void add_responses(struct buffer *out, const struct serve_route *route)
{
        buffer_printf(out,
                      ",\"responses\":{\"%d\":{\"description\":\"OK\",\"content\":{\"%s\":{\"schema\":%s}}},"
                      "\"default\":{\"$ref\":\"#/components/responses/problem\"}}",
                      route->status ? route->status : 200, type_of(route), openapi_schema_of(route));
}

/* "getV1TypesTypeSchema": unique, for those who generate clients. */
static void add_operation_id(struct buffer *out, const struct serve_route *route)
{
        bool upper = false;
        for (const char *at = route->method; *at; at++)
                buffer_add_char(out, (char)tolower((unsigned char)*at));
        for (const char *at = route->path; *at; at++) {
                if (isalnum((unsigned char)*at))
                        buffer_add_char(out, upper ? (char)toupper((unsigned char)*at) : *at);
                upper = !isalnum((unsigned char)*at);
        }
}

static void add_operation(struct buffer *out, const struct serve_route *route)
{
        buffer_add_char(out, '"');
        for (const char *at = route->method; *at; at++)
                buffer_add_char(out, (char)tolower((unsigned char)*at));
        buffer_add_text(out, "\":{\"operationId\":\"");
        add_operation_id(out, route);
        buffer_add_text(out, "\",\"summary\":");
        openapi_add_string(out, route->summary);
        buffer_add_text(out, ",\"description\":");
        openapi_add_string(out, roles[route->access]);
        if (route->access == SERVE_FOR_ALL || route->access == SERVE_FOR_GUESTS)
                buffer_add_text(out, ",\"security\":[]");
        add_parameters(out, route);
        if (route->body)
                buffer_printf(out,
                              ",\"requestBody\":{\"required\":true,\"content\":{\"application/"
                              "json\":{\"schema\":%s}}}",
                              route->body);
        add_responses(out, route);
        buffer_add_char(out, '}');
}

/* Is it the first row of its path? All methods of a path stand in one object. */
static bool is_first_operation(const struct serve_route *route)
{
        for (const struct serve_route *other = serve_routes; other < route; other++)
                if (strcmp(other->path, route->path) == 0)
                        return false;
        return true;
}

static void add_path(struct buffer *out, const struct serve_route *first)
{
        openapi_add_string(out, first->path);
        buffer_add_text(out, ":{");
        for (const struct serve_route *route = first; route->method; route++) {
                if (strcmp(route->path, first->path) != 0)
                        continue;
                buffer_add_text(out, route == first ? "" : ",");
                add_operation(out, route);
        }
        buffer_add_char(out, '}');
}

static const char components[] =
        "\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
        "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"leveret\"}},"
        "\"schemas\":{\"list\":{\"type\":\"object\",\"required\":[\"items\",\"next\"],\"properties\":{"
        "\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
        "\"next\":{\"type\":[\"string\",\"null\"],\"description\":\"the cursor of the next page\"},"
        "\"complete\":{\"type\":\"boolean\",\"description\":\"false: there may have been more than is "
        "kept\"}}},"
        "\"problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\"],\"properties\":{"
        "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
        "\"detail\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
        "\"properties\":{\"pointer\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}}}}}}},"
        "\"responses\":{\"problem\":{\"description\":\"What was wrong (RFC 9457)\",\"content\":{"
        "\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}}}}";

void openapi_render(struct buffer *out, const char *version, const char *base_url)
{
        bool first = true;
        buffer_printf(out,
                      "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"leveret\",\"version\":\"%s\",\"license\":"
                      "{\"name\":\"see the package\"}},\"servers\":[{\"url\":",
                      version);
        openapi_add_string(out, base_url ? base_url : "/");
        buffer_add_text(out, "}],\"security\":[{\"token\":[]},{\"session\":[]}],\"paths\":{");
        for (const struct serve_route *route = serve_routes; route->method; route++) {
                if (!is_first_operation(route))
                        continue;
                buffer_add_text(out, first ? "" : ",");
                first = false;
                add_path(out, route);
        }
        buffer_printf(out, "},%s}", components);
}
