/* The loops that time, as in benchmarks/latency/sampling.py: between two readings of the clock is a call. */
#ifndef RAPSAM_SAMPLING_H
#define RAPSAM_SAMPLING_H

#include "platform.h"

#define MAX_PER_VISIT 20000

/* Runs once; the nanoseconds, or -1 and the reason is where the run leaves it. */
typedef long long (*timed_run)(const void *of);

/* Times in nanoseconds. */
struct samples {
  long long *ns;
  size_t count, room;
};

long long now_ns(void);
void sleep_ns(long long ns);
void add_sample(struct samples *samples, long long ns);

/* Forgets the oldest samples but `keep`. */
void keep_samples(struct samples *samples, size_t keep);

long long median_ns(const long long *ns, size_t count);

/* Runs until the medians of two windows of five runs differ by less than 5 %.
 *
 * 1, or 0 when the time was over; -1 if a run failed.
 */
int warm_up(timed_run run, const void *of, long long at_most_ns, struct samples *samples);

/* Times runs that follow each other, the first of which is not counted; 0, or -1 if a run failed. */
int sample(timed_run run, const void *of, long long at_least, long long at_least_ns, long long at_most_ns,
           struct samples *samples);

#endif
