#include "sampling.h"

#include "text.h"

#define WINDOW 5
#define STEADY 20 /* one part in so many */
#define SECOND 1000000000LL

long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

void sleep_ns(long long ns) {
  struct timespec left = {ns / SECOND, ns % SECOND};
  while (nanosleep(&left, &left) && errno == EINTR) continue;
}

void add_sample(struct samples *samples, long long ns) {
  if (samples->count == samples->room) {
    samples->room = 2 * samples->room + 64;
    samples->ns = grown(samples->ns, samples->room * sizeof *samples->ns);
  }
  samples->ns[samples->count++] = ns;
}

void keep_samples(struct samples *samples, size_t keep) {
  if (samples->count <= keep) return;
  memmove(samples->ns, samples->ns + samples->count - keep, keep * sizeof *samples->ns);
  samples->count = keep;
}

static int compare(const void *a, const void *b) {
  long long x = *(const long long *)a, y = *(const long long *)b;
  return (x > y) - (x < y);
}

long long median_ns(const long long *ns, size_t count) {
  long long *ordered = grown(NULL, count * sizeof *ordered);
  memcpy(ordered, ns, count * sizeof *ordered);
  qsort(ordered, count, sizeof *ordered, compare);
  long long middle = count % 2 ? ordered[count / 2] : (ordered[count / 2 - 1] + ordered[count / 2]) / 2;
  free(ordered);
  return middle;
}

int warm_up(timed_run run, const void *of, long long at_most_ns, struct samples *samples) {
  long long end = now_ns() + at_most_ns;
  for (;;) {
    long long ns = run(of);
    if (ns < 0) return -1;
    add_sample(samples, ns);
    size_t count = samples->count;
    if (count >= 2 * WINDOW && count % WINDOW == 0) {
      long long older = median_ns(samples->ns + count - 2 * WINDOW, WINDOW);
      long long newer = median_ns(samples->ns + count - WINDOW, WINDOW);
      if ((newer > older ? newer - older : older - newer) * STEADY <= older) return 1;
    }
    if (now_ns() >= end) return 0;
  }
}

int sample(timed_run run, const void *of, long long at_least, long long at_least_ns, long long at_most_ns,
           struct samples *samples) {
  long long spent = 0, count = 0;
  if (run(of) < 0) return -1;
  for (;;) {
    long long ns = run(of);
    if (ns < 0) return -1;
    add_sample(samples, ns);
    spent += ns;
    count++;
    if (spent >= at_most_ns || count >= MAX_PER_VISIT) return 0;
    if (count >= at_least && spent >= at_least_ns) return 0;
  }
}
