/* Stands in for Android's C library while the program is linked without an NDK: only the names count. */
#define STUB(name) void name(void) {}
#ifdef RAPSAM_STUB_LIBDL
STUB(dlerror) STUB(dlopen) STUB(dlsym)
#else
STUB(__errno) STUB(__libc_init) STUB(clock_gettime) STUB(close) STUB(dup2) STUB(_exit) STUB(fork) STUB(free)
STUB(kill) STUB(malloc) STUB(memcpy) STUB(memmove) STUB(memset) STUB(nanosleep) STUB(open) STUB(pipe)
STUB(poll) STUB(qsort) STUB(read) STUB(realloc) STUB(rename) STUB(setsid) STUB(signal) STUB(strcmp)
STUB(strerror) STUB(strlen) STUB(strstr) STUB(strtoll) STUB(vsnprintf) STUB(waitpid) STUB(write)
#endif
