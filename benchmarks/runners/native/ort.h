/* ONNX Runtime through its C API, from a library that is opened while the program runs.
 *
 * The API is a table of functions whose order never changes: what is needed of it is called by its number, so
 * that neither its header nor its library is needed to build this program.
 */
#ifndef RAPSAM_ORT_H
#define RAPSAM_ORT_H

#include "platform.h"

typedef void *ort_value;
typedef void *ort_session;

#define ORT_FLOAT 1

/* What an execution provider took of a graph. */
struct share {
  char provider[64];
  int nodes, parts;
};
#define MAX_SHARES 8

/* Opens the library; NULL, or the reason why it cannot be used. */
const char *ort_open(const char *library);

const char *ort_version(void);

/* Lists the execution providers that the library has; the number of them, -1 if it does not say. */
int ort_providers(char ***names);

/* Loads a graph; NULL, or the reason. */
const char *ort_load(const char *file, const char *provider, int threads, ort_session *session);

/* Tells what computes; the number of shares, -1 if this version does not say. */
int ort_shares(ort_session session, struct share *shares);

/* Wraps data, which must outlive the value. */
const char *ort_tensor(void *data, size_t bytes, const int64_t *dims, int count, int type, ort_value *value);

const char *ort_run(ort_session session, const char *const *in_names, const ort_value *in, int ins,
                    const char *const *out_names, int outs, ort_value *out);

/* Returns the floats of a tensor. */
const char *ort_floats(ort_value value, const float **data, size_t *count);

void ort_release(ort_value value);

#endif
