#ifndef LEVERET_CORE_FILE_FAULTS_H
#define LEVERET_CORE_FILE_FAULTS_H

#include "core/text/buffer.h"

#include <stdbool.h>

enum { FILE_FAULTS_MAX = 100, FILE_FAULT_MAX = 512 };

/* A place in a file of an author; line and column count from 1, columns in bytes. Line 0: the whole file. */
struct place_in_file {
        const char *file;
        unsigned line, column;
};

/* What is wrong in files, one line each: `file:line:col: message`. All of it, so that an author mends it in
 * one go; from the hundredth on only counted. Start with {0}. */
struct file_faults {
        struct buffer lines; /* each ends in LF */
        size_t count;
};

void file_faults_fini(struct file_faults *faults);
/* The message may hold names and values of the file: what is no printable UTF-8 in it becomes '?'. Always
 * false, so that a check can return it. */
bool file_faults_add(struct file_faults *faults, struct place_in_file place, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* Writes "file:line:col: " to `text`, without the rest if it does not fit. */
void place_write(struct buffer *text, struct place_in_file place);

#endif
