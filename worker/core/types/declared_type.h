#ifndef LEVERET_CORE_DECLARED_TYPE_H
#define LEVERET_CORE_DECLARED_TYPE_H

#include "core/plan/plan.h"
#include "core/types/document.h"
#include "core/types/payload_schema.h"
#include "core/types/template_set.h"

/*
 * A type from a file: what its payload looks like and what is to happen, without C. Its plan is made as that
 * of a handler in C is: it depends on the payload and on the files of its set alone.
 */
struct declared_type;

/*
 * Compiles the document of the file `<type>.yaml`, which must live as long as the arena. `templates` may be
 * filled and sorted later, but before anything is planned. NULL with all that is wrong added to `faults`.
 */
struct declared_type *declared_type_compile(struct arena *arena, const struct document *document,
                                            const char *type, const struct template_set *templates,
                                            struct file_faults *faults);
/* After the templates are there: does every template that it names exist, and is its example accepted and
 * planned, in each language that its templates have? */
void declared_type_check(const struct declared_type *type, struct file_faults *faults);
/* Gives back what lies outside the arena. */
void declared_type_release(struct declared_type *type);

/* The handler for a registry: it stands for the type wherever one in C would. Lives as long as the type. */
struct handler *declared_type_handler(struct declared_type *type);

/* The file of a handler that is one of these. */
struct place_in_file declared_type_place(const struct handler *handler);

/* Tells each language that the templates of its mails have, besides the neutral one; one more than once if
 * several mails have it. None of a handler that is none of these. */
typedef void declared_type_language(void *context, const char *locale);
void declared_type_languages(const struct handler *handler, declared_type_language *tell, void *context);

/* The plan of a payload with this language in place of the one that the type chooses; NULL: as it chooses. As
 * plan_build otherwise. */
enum plan_outcome declared_type_preview(const struct handler *handler, const json_t *payload,
                                        const char *locale, struct plan **plan, struct faults *faults);

#endif
