#include "report.h"

#include "text.h"

#define MAX_WINDOWS 20000 /* more than a day of them */

int add_window(struct result *result, long long end_ns, size_t count, long long median_ns) {
  if (result->windows == MAX_WINDOWS) return 0;
  result->window = grown(result->window, (size_t)(result->windows + 1) * sizeof *result->window);
  result->window[result->windows++] = (struct window){end_ns, (long long)count, median_ns};
  return 1;
}

static void add_samples(struct text *text, const struct samples *samples) {
  text_add(text, "[");
  for (size_t number = 0; number < samples->count; number++)
    text_add(text, number ? ",%lld" : "%lld", samples->ns[number]);
  text_add(text, "]");
}

static void add_shares(struct text *text, const struct graph_result *graph) {
  if (graph->shares < 0) {
    text_add(text, "null");
    return;
  }
  text_add(text, "{");
  for (int number = 0; number < graph->shares; number++) {
    if (number) text_add(text, ",");
    text_add_quoted(text, graph->share[number].provider);
    text_add(text, ":[%d,%d]", graph->share[number].nodes, graph->share[number].parts);
  }
  text_add(text, "}");
}

static void add_graph(struct text *text, const struct graph_result *graph) {
  long long spent = 0;
  for (size_t run = 0; run < graph->warmup.count; run++) spent += graph->warmup.ns[run];
  text_add(text, "{\"load_ns\":%lld,\"first_ns\":%lld,\"is_steady\":%s,", graph->load_ns, graph->first_ns,
           graph->is_steady ? "true" : "false");
  text_add(text, "\"warmup_runs\":%lld,\"warmup_ns\":%lld,\"nodes\":", (long long)graph->warmup.count, spent);
  add_shares(text, graph);
  text_add(text, "}");
}

static void add_memory(struct text *text, const char *name, long long kb) {
  if (kb < 0) text_add(text, "\"%s\":null,", name);
  else text_add(text, "\"%s\":%lld,", name, kb);
}

int write_report(const char *path, const struct variant *variant, const struct result *result) {
  struct text text = {NULL, 0, 0};
  text_add(&text, "{\"is_alone\":%s,", result->is_alone ? "true" : "false");
  add_memory(&text, "baseline_kb", result->baseline_kb);
  add_memory(&text, "peak_kb", result->peak_kb);
  text_add(&text, "\"graphs\":[");
  for (int number = 0; number < variant->graphs; number++) {
    if (number) text_add(&text, ",");
    add_graph(&text, &result->graph[number]);
  }
  text_add(&text, "],\"stages\":[");
  for (int number = 0; number < variant->stages; number++) {
    if (number) text_add(&text, ",");
    add_samples(&text, &result->stage[number]);
  }
  text_add(&text, "],\"sustained\":");
  add_samples(&text, &result->sustained);
  text_add(&text, ",\"windows\":[");
  for (int number = 0; number < result->windows; number++) {
    const struct window *window = &result->window[number];
    text_add(&text, number ? ",[%lld,%lld,%lld]" : "[%lld,%lld,%lld]", window->end_ns, window->count,
             window->median_ns);
  }
  text_add(&text, "]}\n");
  return write_file(path, text.data, text.size);
}
