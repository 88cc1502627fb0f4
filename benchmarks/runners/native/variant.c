#include "variant.h"

#include "ort.h"
#include "report.h"
#include "sampling.h"
#include "text.h"

#define MAX_TENSOR_BYTES (1ULL << 31)
#define SUSTAINED_WINDOW_NS 5000000000LL
#define MAX_SUSTAINED 100000

/* A graph that can run, with the names of its ends as ONNX Runtime wants them. */
struct loaded {
  ort_session session;
  const char *in_names[MAX_PORTS], *out_names[MAX_PORTS];
};

/* All that a variant knows; `slot` holds what flows in the case that is set. */
static struct {
  const struct variant *of;
  struct timing timing;
  int number;
  struct loaded graph[MAX_GRAPHS];
  ort_value slot[MAX_SLOTS], old[MAX_GRAPHS * MAX_PORTS];
  int olds;
  struct result result;
} my;

static char reason[REASON_SIZE];

static int fail(const char *what, const char *why) {
  format_text(reason, sizeof reason, "%s: %s", what, why);
  return -1;
}

/* Reads a figure of /proc/self/status in KiB; -1 if it is not there. */
static long long memory_kb(const char *name) {
  size_t size;
  char *status = read_file("/proc/self/status", 1 << 16, &size);
  char *line = status ? strstr(status, name) : NULL;
  long long value = line ? strtoll(line + strlen(name), NULL, 10) : -1;
  free(status);
  return value;
}

static void release_old(void) {
  while (my.olds) ort_release(my.old[--my.olds]);
}

/* Runs a graph on what its slots hold. What the outputs replace is released later: no clock sees that. */
static int run_graph(int number) {
  const struct graph *graph = &my.of->graph[number];
  struct loaded *loaded = &my.graph[number];
  ort_value in[MAX_PORTS], out[MAX_PORTS];
  for (int port = 0; port < graph->ins; port++) {
    in[port] = my.slot[graph->in[port].slot];
    if (in[port] == NULL) return fail(graph->file, "an input is not there");
  }
  memset(out, 0, sizeof out);
  const char *failed =
      ort_run(loaded->session, loaded->in_names, in, graph->ins, loaded->out_names, graph->outs, out);
  if (failed) return fail(graph->file, failed);
  for (int port = 0; port < graph->outs; port++) {
    ort_value *slot = &my.slot[graph->out[port].slot];
    if (*slot) my.old[my.olds++] = *slot;
    *slot = out[port];
  }
  return 0;
}

static long long run_stage(const void *of) {
  const struct stage *stage = of;
  long long before = now_ns();
  for (int step = 0; step < stage->graphs; step++)
    if (run_graph(stage->graph[step])) return -1;
  long long after = now_ns();
  release_old();
  return after - before;
}

static int load_graphs(void) {
  for (int number = 0; number < my.of->graphs; number++) {
    const struct graph *graph = &my.of->graph[number];
    struct loaded *loaded = &my.graph[number];
    for (int port = 0; port < graph->ins; port++) loaded->in_names[port] = graph->in[port].name;
    for (int port = 0; port < graph->outs; port++) loaded->out_names[port] = graph->out[port].name;
    long long before = now_ns();
    const char *failed = ort_load(graph->file, my.of->provider, my.of->threads, &loaded->session);
    my.result.graph[number].load_ns = now_ns() - before;
    if (failed) return fail(graph->file, failed);
    my.result.graph[number].shares = ort_shares(loaded->session, my.result.graph[number].share);
  }
  return 0;
}

/* Fills slots with the inputs of a case. */
static int set_case(const struct sample_case *sample) {
  for (int number = 0; number < sample->gifts; number++) {
    const struct gift *gift = &sample->gift[number];
    size_t size;
    /* Never freed: the tensor points into it. */
    char *data = read_file(gift->file, MAX_TENSOR_BYTES, &size);
    if (data == NULL) return fail(gift->file, "cannot be read");
    ort_release(my.slot[gift->slot]);
    my.slot[gift->slot] = NULL;
    const char *failed = ort_tensor(data, size, gift->dim, gift->dims, gift->type, &my.slot[gift->slot]);
    if (failed) return fail(gift->file, failed);
  }
  return 0;
}

/* Writes the outputs of a graph, each as floats in vVARIANT.cCASE.gGRAPH.oOUTPUT. */
static int write_outputs(int sample, int graph) {
  for (int port = 0; port < my.of->graph[graph].outs; port++) {
    const float *data;
    size_t count;
    char path[64];
    const char *failed = ort_floats(my.slot[my.of->graph[graph].out[port].slot], &data, &count);
    if (failed) return fail(my.of->graph[graph].out[port].name, failed);
    format_text(path, sizeof path, "v%d.c%d.g%d.o%d", my.number, sample, graph, port);
    if (write_file(path, data, count * sizeof *data)) return fail(path, strerror(errno));
  }
  return 0;
}

/* Runs all graphs once, on what is timed; the time of each is that of its first run. */
static int run_first(void) {
  if (set_case(&my.of->sample[0])) return -1;
  for (int graph = 0; graph < my.of->graphs; graph++) {
    struct stage alone = {1, {graph}};
    if ((my.result.graph[graph].first_ns = run_stage(&alone)) < 0) return -1;
  }
  return 0;
}

/* Runs the self-test as an app would: every graph takes what those before it returned here. */
static int run_self_test(void) {
  for (int sample = 1; sample < my.of->cases; sample++) {
    if (set_case(&my.of->sample[sample])) return -1;
    for (int graph = 0; graph < my.of->graphs; graph++) {
      if (run_graph(graph) || write_outputs(sample, graph)) return -1;
      release_old();
    }
  }
  return 0;
}

/* Sets the timed case again, and what flows in it. */
static int warm(void) {
  if (set_case(&my.of->sample[0])) return -1;
  for (int graph = 0; graph < my.of->graphs; graph++) {
    struct stage alone = {1, {graph}};
    struct graph_result *result = &my.result.graph[graph];
    result->is_steady = warm_up(run_stage, &alone, my.timing.warmup_ns, &result->warmup);
    if (result->is_steady < 0) return -1;
  }
  return 0;
}

static int prepare(const struct job *job) {
  const char *failed = ort_open(job->library);
  if (failed) return fail("ONNX Runtime", failed);
  if (!my.of->cases) return fail("the job", "no case");
  return load_graphs() || run_first() || run_self_test() || warm() ? -1 : 0;
}

static int burst(void) {
  const struct timing *timing = &my.timing;
  for (int number = 0; number < my.of->stages; number++) {
    const struct stage *stage = &my.of->stage[number];
    struct samples *samples = &my.result.stage[number];
    if (sample(run_stage, stage, timing->iters, timing->min_ns, timing->max_ns, samples)) return -1;
  }
  return 0;
}

static int sustained(void) {
  struct samples *samples = &my.result.sustained;
  if (my.of->sustained < 0) return 0;
  long long start = now_ns(), left;
  while ((left = my.timing.sustained_ns - (now_ns() - start)) > 0) {
    long long part = left < SUSTAINED_WINDOW_NS ? left : SUSTAINED_WINDOW_NS;
    keep_samples(samples, MAX_SUSTAINED - MAX_PER_VISIT);
    size_t before = samples->count;
    if (sample(run_stage, &my.of->stage[my.of->sustained], 1, part, part, samples)) return -1;
    size_t count = samples->count - before;
    if (!add_window(&my.result, now_ns() - start, count, median_ns(samples->ns + before, count))) return 0;
  }
  return 0;
}

static int report(void) {
  char path[32];
  my.result.peak_kb = memory_kb("VmHWM:");
  format_text(path, sizeof path, "v%d.json", my.number);
  return write_report(path, my.of, &my.result) ? fail(path, strerror(errno)) : 0;
}

/* Answers; whoever fails ends. */
static void answer(int handle, int failed) {
  char words[REASON_SIZE + 1] = ".";
  if (failed) format_text(words, sizeof words, "!%s", reason);
  if (write_all(handle, words, strlen(words)) || failed) _exit(1);
}

void serve_variant(const struct job *job, int number, int is_alone, int commands, int answers) {
  char command;
  my.of = &job->variant[number];
  my.timing = job->timing;
  my.number = number;
  my.result.is_alone = is_alone;
  my.result.baseline_kb = memory_kb("VmRSS:");
  answer(answers, prepare(job));
  while (read(commands, &command, 1) == 1) {
    if (command == 'b') answer(answers, burst());
    if (command == 's') answer(answers, sustained());
    if (command == 'f') answer(answers, report());
  }
  /* Without the exit handlers of the library, some of which wait for threads that are gone. */
  _exit(0);
}
