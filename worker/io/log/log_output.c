#include "io/log/log_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void log_output_open(struct log_output *output, int fd)
{
        struct stat status;
        bool known = fstat(fd, &status) == 0;
        *output = (struct log_output){.fd = fd, .own = -1, .socket = known && S_ISSOCK(status.st_mode)};
        /* O_NONBLOCK belongs to the open file description, which other processes share: so open the pipe
         * anew. */
        if (known && S_ISFIFO(status.st_mode)) {
                char path[32];
                snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                output->own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        }
}

void log_output_close(struct log_output *output)
{
        if (output->own >= 0)
                close(output->own);
        output->own = -1;
}

static ssize_t write_now(struct log_output *output, const char *data, size_t len)
{
        struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
        if (output->own >= 0)
                return write(output->own, data, len);
        if (output->socket)
                return send(output->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        /* A terminal may be stopped; a pipe that is writable has room for PIPE_BUF bytes (pipe(7)). */
        if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) {
                errno = EAGAIN;
                return -1;
        }
        return write(output->fd, data, len);
}

bool log_output_write(struct log_output *output, const char *line, size_t len)
{
        if (output->torn && write_now(output, "\n", 1) != 1)
                return false;
        output->torn = false;
        ssize_t written;
        do
                written = write_now(output, line, len);
        while (written < 0 && errno == EINTR);
        output->torn = written > 0 && (size_t)written < len;
        return written == (ssize_t)len;
}
