#ifndef LEVERET_IO_TYPE_YAML_H
#define LEVERET_IO_TYPE_YAML_H

#include "core/types/document.h"

/*
 * Reads one YAML document into the arena. NULL with what is wrong in `faults`: no YAML, a key twice, over the
 * bounds of core/types/document.h, more than one document, or what a file of a type does without: anchors,
 * aliases, tags.
 */
const struct document *type_yaml_read(struct arena *arena, const char *file, struct slice text,
                                      struct file_faults *faults);

#endif
