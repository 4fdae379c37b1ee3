#include "io/machine/zone_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ZONE_DIRECTORY "/usr/share/zoneinfo"

/* The file's bytes, at most ZONE_FILE_MAX; less than 0: errno. */
static ssize_t read_file(const char *path, char *bytes)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = 0, got = 1;
        if (fd < 0)
                return -1;
        while (got > 0 && len < ZONE_FILE_MAX) {
                got = read(fd, bytes + len, (size_t)(ZONE_FILE_MAX - len));
                if (got < 0 && errno == EINTR)
                        got = 1;
                else if (got > 0)
                        len += got;
        }
        int error = errno;
        close(fd);
        errno = error;
        return got < 0 ? -1 : len;
}

const char *zone_load(const char *name, struct arena *arena, struct zone *zone)
{
        if (strcmp(name, "UTC") == 0) {
                *zone = zone_utc();
                return NULL;
        }
        if (!zone_name_is_good(slice_of(name)))
                return "expected the name of a time zone, as Europe/Berlin";
        if (access(ZONE_DIRECTORY, R_OK) != 0)
                return "there are no time zones in " ZONE_DIRECTORY ": install the package tzdata";
        char *bytes = arena_alloc(arena, ZONE_FILE_MAX);
        ssize_t len = read_file(arena_printf(arena, ZONE_DIRECTORY "/%s", name), bytes);
        if (len < 0)
                return errno == ENOENT ? "there is no such time zone in " ZONE_DIRECTORY
                                       : arena_printf(arena, "cannot be read: %s", strerror(errno));
        const char *fault = zone_parse(zone, (struct slice){bytes, (size_t)len}, arena);
        return fault ? arena_printf(arena, ZONE_DIRECTORY "/%s cannot be used: %s", name, fault) : NULL;
}
