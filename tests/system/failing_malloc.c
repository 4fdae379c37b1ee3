/*
 * LD_PRELOADed into a worker: makes one allocation fail. Counting begins when a socket gives bytes that hold
 * LEVERET_FAIL_MARK, that is with the delivery of one message. LEVERET_FAIL_AT says which allocation fails
 * from then on (1: the first; 0: none), and with LEVERET_FAIL_ON set all after it as well. LEVERET_FAIL_BOOK
 * is a file of three 64-bit numbers that is kept up to date: armed, allocations so far, failed. Where the
 * first one failed is written to LEVERET_FAIL_BOOK.trace.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* glibc's own, under the names that nobody replaces. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

struct book {
        atomic_uint_fast64_t armed, count, failed;
};

static struct book *book;
static const char *mark;
static uint64_t fail_at;
static bool fail_on;
static int trace_fd = -1;
static ssize_t (*real_recv)(int fd, void *buffer, size_t len, int flags);

__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("LEVERET_FAIL_BOOK"), *at = getenv("LEVERET_FAIL_AT");
        char trace[4096];
        void *frames[4];
        *(void **)&real_recv = dlsym(RTLD_NEXT, "recv");
        mark = getenv("LEVERET_FAIL_MARK");
        if (!path || !mark)
                return;
        fail_at = at ? strtoull(at, NULL, 10) : 0;
        fail_on = getenv("LEVERET_FAIL_ON") != NULL;
        backtrace(frames, 4); /* its first call allocates */
        snprintf(trace, sizeof(trace), "%s.trace", path);
        trace_fd = open(trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || trace_fd < 0 || ftruncate(fd, sizeof(struct book)) != 0)
                abort();
        book = mmap(NULL, sizeof(struct book), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (book == MAP_FAILED)
                abort();
        close(fd);
}

ssize_t recv(int fd, void *buffer, size_t len, int flags)
{
        ssize_t got = real_recv(fd, buffer, len, flags);
        if (book && got > 0 && memmem(buffer, (size_t)got, mark, strlen(mark)))
                atomic_store(&book->armed, 1);
        return got;
}

static void trace_write(void)
{
        void *frames[24];
        int saved = errno;
        int depth = backtrace(frames, 24);
        backtrace_symbols_fd(frames, depth, trace_fd);
        errno = saved;
}

/* Is this one to fail? */
static bool fails(void)
{
        if (!book || !atomic_load_explicit(&book->armed, memory_order_relaxed))
                return false;
        uint64_t number = atomic_fetch_add(&book->count, 1) + 1;
        bool first = number == fail_at;
        if (!first && !(fail_on && fail_at && number > fail_at))
                return false;
        atomic_fetch_add(&book->failed, 1);
        if (first)
                trace_write();
        errno = ENOMEM;
        return true;
}

void *malloc(size_t size)
{
        return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
        return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
        return fails() ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
        return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
        void *made = fails() ? NULL : __libc_memalign(alignment, size);
        if (!made)
                return ENOMEM;
        *memory = made;
        return 0;
}
