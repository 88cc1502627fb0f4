/* ONNX Runtime, but the first process of a run that opens it is killed, as by a system that lacks memory.
 * The library itself lies at REAL; a run is known by its file "state".
 */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

const void *OrtGetApiBase(void) {
  if (access("state", F_OK) == 0 && mkdir("killed", 0700) == 0) raise(SIGKILL);
  void *library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return NULL;
  const void *(*get_base)(void) = (const void *(*)(void))dlsym(library, "OrtGetApiBase");
  return get_base == NULL ? NULL : get_base();
}
