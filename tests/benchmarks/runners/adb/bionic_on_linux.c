/* Android's C library on Linux, as far as the program calls it: jumps to the functions of the same names there.
 *
 * The program that is built for x86-64 Android without an NDK runs with it: its start, its calls, its links.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#define FORWARD(name) \
  static void *real_##name __attribute__((used)); \
  __asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ": jmp *real_" #name "(%rip)\n");

#ifdef LIBDL
#define ALL(do) do(dlerror) do(dlopen) do(dlsym)
#else
#define ALL(do) \
  do(clock_gettime) do(close) do(dup2) do(_exit) do(fork) do(free) do(kill) do(malloc) do(memcpy) do(memmove) \
  do(memset) do(nanosleep) do(open) do(pipe) do(poll) do(qsort) do(read) do(realloc) do(rename) do(setsid) \
  do(signal) do(strcmp) do(strerror) do(strlen) do(strstr) do(strtoll) do(vsnprintf) do(waitpid) do(write)

int *__errno(void) { return &errno; }

/* Takes the arguments from where the kernel left them, as Android's does. */
void __libc_init(void *arguments, void (*unused)(void), int (*program)(int, char **), const void *structors) {
  void (*end)(int) = (void (*)(int))dlsym(dlopen("libc.so.6", RTLD_NOW), "exit");
  (void)unused;
  (void)structors;
  end(program(*(int *)arguments, (char **)arguments + 1));
}
#endif

ALL(FORWARD)

#define FIND(name) real_##name = find(real, #name);
static void *find(void *library, const char *name) {
#ifdef LIBDL
  (void)library;
  return dlvsym(RTLD_NEXT, name, "GLIBC_2.34");
#else
  return dlsym(library, name);
#endif
}

__attribute__((constructor)) static void prepare(void) {
#ifdef LIBDL
  void *real = NULL;
#else
  void *real = dlopen("libc.so.6", RTLD_NOW);
#endif
  ALL(FIND)
}
