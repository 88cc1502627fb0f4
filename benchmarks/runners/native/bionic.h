/* Declarations of what this program uses of Android's C library, for builds that have no NDK.
 *
 * For 64-bit Android only: `long` has 64 bits there, and types and numbers are the same on arm64 and x86-64.
 */
#ifndef RAPSAM_BIONIC_H
#define RAPSAM_BIONIC_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
typedef int pid_t;
typedef unsigned int mode_t;
struct timespec {
  long tv_sec;
  long tv_nsec;
};
struct pollfd {
  int fd;
  short events;
  short revents;
};

#define POLLIN 1
#define O_RDONLY 0
#define O_WRONLY 1
#define O_CREAT 0100
#define O_TRUNC 01000
#define CLOCK_MONOTONIC 1
#define SIGHUP 1
#define SIGKILL 9
#define SIGPIPE 13
#define SIG_IGN ((void (*)(int))1)
#define EINTR 4
#define RTLD_NOW 2
#define RTLD_LOCAL 0
#define WIFSIGNALED(status) (((status) & 0x7f) != 0)
#define WTERMSIG(status) ((status) & 0x7f)
#define WEXITSTATUS(status) (((status) >> 8) & 0xff)

int *__errno(void);
#define errno (*__errno())

int clock_gettime(int clock, struct timespec *now);
int close(int handle);
char *dlerror(void);
void *dlopen(const char *file, int flags);
void *dlsym(void *library, const char *name);
int dup2(int from, int to);
void _exit(int code) __attribute__((noreturn));
pid_t fork(void);
void free(void *memory);
int kill(pid_t process, int number);
void *malloc(size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int nanosleep(const struct timespec *wanted, struct timespec *left);
int open(const char *path, int flags, ...);
int pipe(int ends[2]);
int poll(struct pollfd *handles, unsigned int count, int milliseconds);
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
ssize_t read(int handle, void *to, size_t bytes);
void *realloc(void *memory, size_t bytes);
int rename(const char *from, const char *to);
pid_t setsid(void);
void (*signal(int number, void (*handler)(int)))(int);
int strcmp(const char *a, const char *b);
char *strerror(int number);
size_t strlen(const char *text);
char *strstr(const char *text, const char *part);
long long strtoll(const char *text, char **end, int base);
int vsnprintf(char *to, size_t size, const char *format, va_list values);
pid_t waitpid(pid_t process, int *status, int options);
ssize_t write(int handle, const void *from, size_t bytes);

#endif
