#ifndef LEVERET_IO_PLANNER_ONCE_H
#define LEVERET_IO_PLANNER_ONCE_H

#include "io/plan/planner.h"

/*
 * Asks a planner for one plan and waits, for commands and for the API: on a loop of its own, with a program
 * of its own. `settings` are those of a type that is planned, `mail` is the handler of email.send.v1. As
 * plan_answer_read; PLAN_PLANNERS with a fault: the planner gave no answer.
 */
enum plan_outcome planner_once(const struct config_handler *settings, const struct plan_question *question,
                               const struct handler *mail, struct plan **plan, struct faults *faults);

/* plan_build, and if it is a planner that plans the type, its plan. What is asked has the id "plan" and
 * the time of now. */
enum plan_outcome plan_anyhow(const struct handler *handler, const json_t *payload, struct plan **plan,
                              struct faults *faults);

#endif
