#include "io/machine/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *state)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
                return;
        size_t len = strlen(path);
        memcpy(address.sun_path, path, len);
        if (path[0] == '@') /* the abstract namespace (unix(7)) */
                address.sun_path[0] = '\0';
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (void *)&address, size);
        (void)sent; /* whoever does not listen is not told */
        close(fd);
}

int64_t notify_watchdog_ms(void)
{
        const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
        if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
                return 0;
        long long every_ms = strtoll(usec, NULL, 10) / 1000 / 2;
        return every_ms > 0 ? every_ms : 0;
}
