#ifndef LEVERET_IO_TYPE_FILE_H
#define LEVERET_IO_TYPE_FILE_H

#include "core/memory/arena.h"
#include "core/template/file_faults.h"

/* Reads a file of at most `max` bytes into the arena, with a NUL behind it. False with a line in `faults`: it
 * cannot be read, is no file (a pipe, a device), is longer. Never waits. */
bool type_file_read(struct arena *arena, const char *path, size_t max, struct slice *text,
                    struct file_faults *faults);

#endif
