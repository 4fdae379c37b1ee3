#include "cli/cli.h"
#include "core/settings/settings.h"
#include "core/text/expand.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Shorter texts are found in anything, and no secret. */
#define SECRET_LEN_MIN 4

extern char **environ;

struct hunt {
        const char *value, *encoded;
        bool found;
};

static void hunt_visit(void *context, const struct setting_visit *visit)
{
        struct hunt *hunt = context;
        const char *secret;
        if (!visit->setting->secret)
                return;
        memcpy(&secret, (const char *)visit->base + visit->setting->offset, sizeof(secret));
        hunt->found |= secret && (strstr(secret, hunt->value) || strstr(secret, hunt->encoded));
}

/* Is it a secret setting's value, or what ${NAME} put into one? */
static bool is_in_a_secret(const struct config *config, const char *value)
{
        struct buffer encoded = {0}; /* as it stands in a URL */
        struct hunt hunt = {.value = value};
        if (strlen(value) < SECRET_LEN_MIN)
                return false;
        expand_add_userinfo(&encoded, value);
        hunt.encoded = encoded.data;
        settings_visit(config, hunt_visit, &hunt);
        buffer_fini(&encoded);
        return hunt.found;
}

/* "NAME=value", in place: /proc/PID/environ and /proc/PID/cmdline show this very memory. */
static void wipe(const struct config *config, char *assignment)
{
        char *equals = strchr(assignment, '=');
        if (equals && is_in_a_secret(config, equals + 1))
                explicit_bzero(equals + 1, strlen(equals + 1));
}

static const char **environment_copy(struct arena *arena)
{
        size_t count = 0;
        while (environ[count])
                count++;
        const char **copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
        for (size_t i = 0; i < count; i++)
                copy[i] = arena_strdup(arena, environ[i]);
        copy[count] = NULL;
        return copy;
}

void cli_secrets_hide(struct cli *cli, int argc, char **argv)
{
        cli->environment = environment_copy(&cli->arena);
        for (size_t i = 0; i < cli->set_count; i++)
                cli->sets[i] = arena_strdup(&cli->arena, cli->sets[i]);
        for (char **variable = environ; *variable; variable++)
                wipe(cli->config, *variable);
        for (int i = 0; i < argc; i++)
                wipe(cli->config, strncmp(argv[i], "--set=", 6) == 0 ? argv[i] + 6 : argv[i]);
}

void cli_process_close(void)
{
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
