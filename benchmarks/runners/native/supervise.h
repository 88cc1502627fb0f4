/* Several variants, each in a process of its own, in turns. */
#ifndef RAPSAM_SUPERVISE_H
#define RAPSAM_SUPERVISE_H

#include "job.h"

/* Runs a job; leaves "state", a line that changes with every step, and at last "ended": a line of JSON that
 * has, for each variant, null or the reason why there is no result of it. One whose process is killed while
 * others are loaded, as by a system that lacks memory, is run again by itself at the end.
 */
void supervise(const struct job *job);

#endif
