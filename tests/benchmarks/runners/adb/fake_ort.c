/* An ONNX Runtime that can do nothing but what is asked for where a graph is loaded: CRASH, HANG, or be
 * KILLED the first time, as by a system that lacks memory, and crash from then on. */
#include <signal.h>
#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void *fine(void) { return NULL; }

static void *load(void) {
#ifdef KILLED
  if (mkdir("killed", 0700) == 0) raise(SIGKILL);
  abort();
#elif defined(CRASH)
  abort();
#else
  for (;;) sleep(1);
#endif
}

static void *table[512];
static void *const *get_api(uint32_t version) { return version ? table : NULL; }
static const char *version(void) { return "0.1"; }
static const struct { void *const *(*api)(uint32_t); const char *(*version)(void); } base = {get_api, version};

const void *OrtGetApiBase(void) {
  for (int number = 0; number < 512; number++) table[number] = (void *)fine;
  table[7] = (void *)load;
  return &base;
}
