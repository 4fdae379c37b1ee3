#include "core/send/preset_file.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool ending_is_taken(const struct preset_can *can, const char *name)
{
        const char *ending = strrchr(name, '.');
        char wanted[16];
        if (!ending || !ending[1])
                return !can->file_ending && !can->file_types;
        if (!can->file_types)
                return true;
        snprintf(wanted, sizeof wanted, "/%s/", ending + 1);
        return strcasestr(can->file_types, wanted) != NULL;
}

/* `text/calendar; method=REQUEST` has no other parameter than that. */
static bool type_is_bare(const char *type)
{
        const char *parameter = type ? strchr(type, ';') : NULL;
        if (!parameter)
                return true;
        parameter += 1 + strspn(parameter + 1, " ");
        return strncasecmp(parameter, "method=", 7) == 0 && !strchr(parameter, ';');
}

const char *preset_file_lack(const struct preset_can *can, const struct attachment *file)
{
        if (file->inline_id && !can->inline_files)
                return "takes none that is shown in the html";
        if (!ending_is_taken(can, file->name))
                return "does not take a file with such an ending";
        if (can->bare_types && !type_is_bare(file->type))
                return "takes a type without parameters, such as text/plain, or with method alone";
        return NULL;
}
