/* What a variant found out, and how it is told: a line of JSON.
 *
 *   {"is_alone": whether it took no turns with others, "baseline_kb", "peak_kb": KiB or null,
 *    "graphs": [{"load_ns", "first_ns", "is_steady", "warmup_runs", "warmup_ns",
 *                "nodes": {PROVIDER: [NODES, PARTS]} or null}],
 *    "stages": [[NS, ...], ...], "sustained": [NS, ...], "windows": [[END_NS, COUNT, MEDIAN_NS], ...]}
 */
#ifndef RAPSAM_REPORT_H
#define RAPSAM_REPORT_H

#include "job.h"
#include "ort.h"
#include "sampling.h"

struct graph_result {
  long long load_ns, first_ns;
  struct samples warmup;
  int is_steady, shares; /* -1 shares: not known */
  struct share share[MAX_SHARES];
};

/* A piece of the sustained run. */
struct window {
  long long end_ns, count, median_ns;
};

struct result {
  long long baseline_kb, peak_kb; /* -1: not known */
  struct graph_result graph[MAX_GRAPHS];
  struct samples stage[MAX_STAGES], sustained;
  struct window *window;
  int windows, is_alone;
};

/* Adds a piece of the sustained run; 0 once there are too many. */
int add_window(struct result *result, long long end_ns, size_t count, long long median_ns);

/* Writes a file; 0, or -1 and errno. */
int write_report(const char *path, const struct variant *variant, const struct result *result);

#endif
