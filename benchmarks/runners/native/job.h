/* What is to be measured: a file of lines, one word and its values each.
 *
 *   rapsam-job 1
 *   library FILE
 *   timing ITERS MIN_NS MAX_NS ROUNDS PAUSE_NS WARMUP_NS SUSTAINED_NS PATIENCE_NS
 *   variant cpu|xnnpack|nnapi THREADS      what follows belongs to it
 *   graph FILE                             what follows belongs to it
 *   in SLOT NAME                           an input, from a slot; the name is the rest of the line
 *   out SLOT NAME                          an output, into a slot
 *   case                                   inputs: the first case is timed, outputs of the others are written
 *   give SLOT TYPE FILE DIM...             the content of a slot in this case
 *   stage GRAPH...                         graphs by their numbers, timed one after another
 *   sustain STAGE                          the stage of the sustained run
 *
 * Of the timing, all but the last four are shares of one round. A slot holds one tensor that flows.
 */
#ifndef RAPSAM_JOB_H
#define RAPSAM_JOB_H

#include "platform.h"

#define MAX_VARIANTS 64
#define MAX_GRAPHS 16
#define MAX_PORTS 32
#define MAX_SLOTS 128
#define MAX_CASES 8
#define MAX_STAGES 64
#define MAX_DIMS 8

struct timing {
  long long iters, min_ns, max_ns, rounds, pause_ns, warmup_ns, sustained_ns, patience_ns;
};

struct port {
  int slot;
  const char *name;
};

struct graph {
  const char *file;
  int ins, outs;
  struct port in[MAX_PORTS], out[MAX_PORTS];
};

struct gift {
  int slot, type, dims;
  int64_t dim[MAX_DIMS];
  const char *file;
};

struct sample_case {
  int gifts;
  struct gift gift[MAX_PORTS];
};

struct stage {
  int graphs;
  int graph[MAX_GRAPHS];
};

struct variant {
  const char *provider;
  int threads, graphs, cases, stages, sustained;
  struct graph graph[MAX_GRAPHS];
  struct sample_case sample[MAX_CASES];
  struct stage stage[MAX_STAGES];
};

struct job {
  const char *library;
  struct timing timing;
  int variants;
  struct variant *variant;
};

/* Reads a job; NULL, or the number of the first line that is none, with the reason. */
const char *read_job(const char *path, struct job *job, int *line);

#endif
