#include "io/types/type_file.h"
#include "core/memory/memory.h"
#include "io/config/config_loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool type_file_read(struct arena *arena, const char *path, size_t max, struct slice *text,
                    struct file_faults *faults)
{
        struct place_in_file place = {.file = path};
        struct stat status;
        if (stat(path, &status) != 0)
                return file_faults_add(faults, place, "cannot be read: %s", strerror(errno));
        if (!S_ISREG(status.st_mode))
                return file_faults_add(faults, place, "is no file");
        char *content = memory_raw(max + 1);
        ssize_t len = loader_read_file(path, content, max, &status);
        bool ok = len >= 0 && (size_t)len <= max;
        if (len < 0)
                file_faults_add(faults, place, "cannot be read: %s", strerror(errno));
        else if (!ok)
                file_faults_add(faults, place, "is larger than %zu bytes", max);
        else
                *text = (struct slice){.data = arena_copy(arena, content, (size_t)len), .len = (size_t)len};
        free(content);
        return ok;
}
