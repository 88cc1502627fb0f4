/* One variant, in a process of its own: loaded, compared, warmed, visited in turns, reported. */
#ifndef RAPSAM_VARIANT_H
#define RAPSAM_VARIANT_H

#include "job.h"

/* Serves a variant: does what every byte from `commands` says, answers each, and ends with the process.
 *
 * 'b': a turn of all stages. 's': the sustained run. 'f': writes vNUMBER.json and ends.
 * An answer is '.', or '!' and the reason why nothing more will come; the first tells of the preparation.
 * `is_alone` is told with the results: it takes no turns with others.
 */
void serve_variant(const struct job *job, int number, int is_alone, int commands, int answers)
    __attribute__((noreturn));

#endif
