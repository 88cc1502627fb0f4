#include "job.h"

#include "text.h"

#define MAX_JOB_BYTES (1 << 20)

/* Cuts the next word off a line; NULL at its end. */
static char *next_word(char **rest) {
  char *word = *rest;
  while (*word == ' ') word++;
  if (!*word) return NULL;
  char *end = word;
  while (*end && *end != ' ') end++;
  *rest = *end ? end + 1 : end;
  *end = 0;
  return word;
}

/* Reads a whole number from 0 to `most`; -1 for anything else. */
static long long next_number(char **rest, long long most) {
  char *word = next_word(rest), *end;
  if (word == NULL) return -1;
  long long value = strtoll(word, &end, 10);
  return *end || value < 0 || value > most ? -1 : value;
}

static const char *read_timing(struct timing *timing, char *rest) {
  const long long hours = 48LL * 3600 * 1000000000;
  long long *field = &timing->iters;
  for (int number = 0; number < 8; number++)
    if ((field[number] = next_number(&rest, hours)) < 0) return "timing takes eight numbers";
  return timing->rounds < 1 || timing->iters < 1 ? "no rounds or no samples" : NULL;
}

static const char *read_port(struct port *ports, int *count, char *rest) {
  if (*count == MAX_PORTS) return "too many inputs or outputs";
  long long slot = next_number(&rest, MAX_SLOTS - 1);
  if (slot < 0 || !*rest) return "expected a slot and a name";
  ports[(*count)++] = (struct port){(int)slot, rest};
  return NULL;
}

static const char *read_gift(struct sample_case *sample, char *rest) {
  if (sample->gifts == MAX_PORTS) return "too many inputs";
  struct gift *gift = &sample->gift[sample->gifts++];
  gift->slot = (int)next_number(&rest, MAX_SLOTS - 1);
  gift->type = (int)next_number(&rest, 16);
  gift->file = next_word(&rest);
  if (gift->slot < 0 || gift->type < 0 || gift->file == NULL) return "expected slot, type, file and sides";
  while (*rest) {
    long long side = next_number(&rest, 1LL << 31);
    if (side < 0 || gift->dims == MAX_DIMS) return "wrong sides";
    gift->dim[gift->dims++] = side;
  }
  return NULL;
}

static const char *read_stage(struct variant *variant, char *rest) {
  if (variant->stages == MAX_STAGES) return "too many stages";
  struct stage *stage = &variant->stage[variant->stages++];
  while (*rest) {
    long long graph = next_number(&rest, variant->graphs - 1);
    if (graph < 0 || stage->graphs == MAX_GRAPHS) return "no such graph";
    stage->graph[stage->graphs++] = (int)graph;
  }
  return stage->graphs ? NULL : "a stage without graphs";
}

static const char *read_variant(struct job *job, char *rest) {
  if (job->variants == MAX_VARIANTS) return "too many variants";
  job->variant = grown(job->variant, (size_t)(job->variants + 1) * sizeof *job->variant);
  struct variant *variant = &job->variant[job->variants++];
  memset(variant, 0, sizeof *variant);
  variant->sustained = -1;
  variant->provider = next_word(&rest);
  variant->threads = (int)next_number(&rest, 1024);
  return variant->provider == NULL || variant->threads < 1 ? "expected a provider and threads" : NULL;
}

static const char *read_line(struct job *job, const char *word, char *rest) {
  if (!strcmp(word, "library")) return (job->library = next_word(&rest)) ? NULL : "expected a file";
  if (!strcmp(word, "timing")) return read_timing(&job->timing, rest);
  if (!strcmp(word, "variant")) return read_variant(job, rest);
  if (!job->variants) return "expected a variant first";
  struct variant *variant = &job->variant[job->variants - 1];
  struct graph *graph = variant->graphs ? &variant->graph[variant->graphs - 1] : NULL;
  struct sample_case *sample = variant->cases ? &variant->sample[variant->cases - 1] : NULL;
  if (!strcmp(word, "graph")) {
    if (variant->graphs == MAX_GRAPHS) return "too many graphs";
    variant->graph[variant->graphs].file = next_word(&rest);
    return variant->graph[variant->graphs++].file ? NULL : "expected a file";
  }
  if (!strcmp(word, "case")) return variant->cases++ == MAX_CASES ? "too many cases" : NULL;
  if (!strcmp(word, "stage")) return read_stage(variant, rest);
  if (!strcmp(word, "sustain"))
    return (variant->sustained = (int)next_number(&rest, variant->stages - 1)) < 0 ? "no such stage" : NULL;
  if (graph && !strcmp(word, "in")) return read_port(graph->in, &graph->ins, rest);
  if (graph && !strcmp(word, "out")) return read_port(graph->out, &graph->outs, rest);
  if (sample && !strcmp(word, "give")) return read_gift(sample, rest);
  return "an unknown word";
}

const char *read_job(const char *path, struct job *job, int *line) {
  size_t size;
  /* Never freed: names and files of the job point into it. */
  char *next = read_file(path, MAX_JOB_BYTES, &size);
  memset(job, 0, sizeof *job);
  *line = 0;
  if (next == NULL) return "cannot be read";
  if (strlen(next) != size) return "a zero is in it";
  while (*next) {
    char *text = next, *end = next;
    while (*end && *end != '\n') end++;
    next = *end ? end + 1 : end;
    *end = 0;
    ++*line;
    char *word = next_word(&text);
    if (*line == 1) {
      if (word == NULL || strcmp(word, "rapsam-job") || strcmp(text, "1")) return "not a job of this version";
      continue;
    }
    const char *problem = word == NULL ? "an empty line" : read_line(job, word, text);
    if (problem) return problem;
  }
  return job->library && job->variants && job->timing.rounds ? NULL : "no library, timing or variant";
}
