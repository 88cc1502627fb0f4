#include "ort.h"

#include "text.h"

/* Numbers of functions in OrtApi of onnxruntime_c_api.h. */
enum {
  GET_ERROR_MESSAGE = 2,
  CREATE_ENV = 3,
  CREATE_SESSION = 7,
  RUN = 9,
  CREATE_SESSION_OPTIONS = 10,
  SET_INTRA_OP_THREADS = 24,
  CREATE_TENSOR = 49,
  GET_TENSOR_DATA = 51,
  GET_ELEMENT_TYPE = 60,
  GET_ELEMENT_COUNT = 64,
  GET_TYPE_AND_SHAPE = 65,
  CREATE_CPU_MEMORY_INFO = 69,
  RELEASE_STATUS = 93,
  RELEASE_VALUE = 96,
  RELEASE_TYPE_AND_SHAPE = 99,
  GET_AVAILABLE_PROVIDERS = 125,
  ADD_CONFIG_ENTRY = 130,
  APPEND_PROVIDER = 216,
  GET_ASSIGNMENT = 407,
  SUBGRAPH_PROVIDER = 408,
  SUBGRAPH_NODES = 409,
};
#define API_WITH_ASSIGNMENT 24 /* of ONNX Runtime 1.24 */
#define API_LEAST 16
#define ERRORS_ONLY 3
#define ALLOW_SPINNING "session.intra_op.allow_spinning"
#define RECORD_ASSIGNMENT "session.record_ep_graph_assignment_info"

typedef void *status;
struct base {
  void *const *(*get_api)(uint32_t version);
  const char *(*version)(void);
};

static const struct base *base;
static void *const *api;
static void *library, *environment, *memory;
static int has_assignment;
static char reason[REASON_SIZE];

/* The function of a number, as the type of a pointer to it. */
#define CALL(number, ...) ((status(*)(__VA_ARGS__))api[number])

static const char *problem(status failed) {
  if (failed == NULL) return NULL;
  const char *words = ((const char *(*)(status))api[GET_ERROR_MESSAGE])(failed);
  format_text(reason, sizeof reason, "ONNX Runtime: %s", words ? words : "no reason given");
  ((void (*)(status))api[RELEASE_STATUS])(failed);
  return reason;
}

const char *ort_open(const char *file) {
  library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    const char *words = dlerror();
    format_text(reason, sizeof reason, "the library cannot be opened: %s", words ? words : "no reason given");
    return reason;
  }
  const struct base *(*get_base)(void) = (const struct base *(*)(void))dlsym(library, "OrtGetApiBase");
  if (get_base == NULL || (base = get_base()) == NULL) return "the library is not ONNX Runtime";
  has_assignment = (api = base->get_api(API_WITH_ASSIGNMENT)) != NULL;
  if (api == NULL) api = base->get_api(API_LEAST);
  if (api == NULL) return "this ONNX Runtime is older than 1.16";
  const char *failed =
      problem(CALL(CREATE_ENV, int, const char *, void **)(ERRORS_ONLY, "rapsam", &environment));
  return failed ? failed : problem(CALL(CREATE_CPU_MEMORY_INFO, int, int, void **)(0, 0, &memory));
}

const char *ort_version(void) { return base->version(); }

int ort_providers(char ***names) {
  int count = 0;
  return problem(CALL(GET_AVAILABLE_PROVIDERS, char ***, int *)(names, &count)) ? -1 : count;
}

static const char *add_setting(void *options, const char *key, const char *value) {
  return problem(CALL(ADD_CONFIG_ENTRY, void *, const char *, const char *)(options, key, value));
}

static const char *add_provider(void *options, const char *provider, int threads) {
  if (!strcmp(provider, "cpu")) return NULL;
  if (!strcmp(provider, "nnapi")) {
    status (*append)(void *, uint32_t) =
        (status(*)(void *, uint32_t))dlsym(library, "OrtSessionOptionsAppendExecutionProvider_Nnapi");
    return append ? problem(append(options, 0)) : "the library has no NNAPI";
  }
  if (strcmp(provider, "xnnpack")) return "an unknown provider";
  /* XNNPACK has threads of its own: those of ONNX Runtime must not spin beside them. */
  const char *failed = add_setting(options, ALLOW_SPINNING, "0");
  if (failed) return failed;
  char count[16];
  format_text(count, sizeof count, "%d", threads);
  const char *key = "intra_op_num_threads", *value = count;
  return problem(CALL(APPEND_PROVIDER, void *, const char *, const char *const *, const char *const *,
                      size_t)(options, "XNNPACK", &key, &value, 1));
}

const char *ort_load(const char *file, const char *provider, int threads, ort_session *session) {
  void *options;
  const char *failed = problem(CALL(CREATE_SESSION_OPTIONS, void **)(&options));
  if (failed == NULL) failed = problem(CALL(SET_INTRA_OP_THREADS, void *, int)(options, threads));
  if (failed == NULL && has_assignment) failed = add_setting(options, RECORD_ASSIGNMENT, "1");
  if (failed == NULL) failed = add_provider(options, provider, threads);
  /* The options live as long as the program: a variant loads each graph once. */
  if (failed) return failed;
  return problem(
      CALL(CREATE_SESSION, void *, const char *, void *, void **)(environment, file, options, session));
}

static int add_share(struct share *shares, int count, const char *provider, int nodes) {
  for (int number = 0; number < count; number++)
    if (!strcmp(shares[number].provider, provider)) {
      shares[number].nodes += nodes;
      shares[number].parts++;
      return count;
    }
  if (count == MAX_SHARES) return count;
  format_text(shares[count].provider, sizeof shares[count].provider, "%s", provider);
  shares[count].nodes = nodes;
  shares[count].parts = 1;
  return count + 1;
}

int ort_shares(ort_session session, struct share *shares) {
  void *const *parts;
  size_t size;
  int count = 0;
  if (!has_assignment) return -1;
  if (problem(CALL(GET_ASSIGNMENT, void *, void *const **, size_t *)(session, &parts, &size))) return -1;
  for (size_t number = 0; number < size; number++) {
    const char *provider;
    void *const *nodes;
    size_t node_count;
    if (problem(CALL(SUBGRAPH_PROVIDER, void *, const char **)(parts[number], &provider))) return -1;
    if (problem(CALL(SUBGRAPH_NODES, void *, void *const **, size_t *)(parts[number], &nodes, &node_count)))
      return -1;
    count = add_share(shares, count, provider, (int)node_count);
  }
  return count;
}

const char *ort_tensor(void *data, size_t bytes, const int64_t *dims, int count, int type, ort_value *value) {
  return problem(CALL(CREATE_TENSOR, void *, void *, size_t, const int64_t *, size_t, int, void **)(
      memory, data, bytes, dims, (size_t)count, type, value));
}

const char *ort_run(ort_session session, const char *const *in_names, const ort_value *in, int ins,
                    const char *const *out_names, int outs, ort_value *out) {
  return problem(CALL(RUN, void *, const void *, const char *const *, const ort_value *, size_t,
                      const char *const *, size_t, ort_value *)(session, NULL, in_names, in, (size_t)ins,
                                                                out_names, (size_t)outs, out));
}

const char *ort_floats(ort_value value, const float **data, size_t *count) {
  void *info;
  int type = 0;
  const char *failed = problem(CALL(GET_TYPE_AND_SHAPE, void *, void **)(value, &info));
  if (failed) return failed;
  failed = problem(CALL(GET_ELEMENT_TYPE, void *, int *)(info, &type));
  if (failed == NULL) failed = problem(CALL(GET_ELEMENT_COUNT, void *, size_t *)(info, count));
  ((void (*)(void *))api[RELEASE_TYPE_AND_SHAPE])(info);
  if (failed == NULL && type != ORT_FLOAT) failed = "an output is not float32";
  return failed ? failed : problem(CALL(GET_TENSOR_DATA, void *, void **)(value, (void **)data));
}

void ort_release(ort_value value) {
  if (value) ((void (*)(void *))api[RELEASE_VALUE])(value);
}
