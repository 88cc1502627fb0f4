/* What Android's 64-bit libraries take from bionic and glibc has not, or has otherwise; see bionic.py.
 *
 * Functions with a capital letter stand for those of the same name whose data differ. glibc's conditions fit
 * where bionic's are, and what its mutexes use; zeros begin both alike, so these are passed on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STREAM_BYTES 152 /* of bionic's FILE, of which __sF holds the first three */
#define ATTRIBUTE_BYTES 56
#define MUTEX_BYTES 40
#define SIGNALS_BYTES 8

char __sF[3 * STREAM_BYTES];

int *__errno(void) { return &errno; }

static FILE *known(FILE *stream) {
  if (stream == (FILE *)__sF) return stdin;
  if (stream == (FILE *)(__sF + STREAM_BYTES)) return stdout;
  return stream == (FILE *)(__sF + 2 * STREAM_BYTES) ? stderr : stream;
}

int Vfprintf(FILE *stream, const char *format, va_list values) { return vfprintf(known(stream), format, values); }

int Fprintf(FILE *stream, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int count = vfprintf(known(stream), format, values);
  va_end(values);
  return count;
}

/* A linker may keep "fprintf" as the end of "vfprintf": with the one its capital comes into the other. */
int VFprintf(FILE *stream, const char *format, va_list values) { return Vfprintf(stream, format, values); }

int Fputc(int character, FILE *stream) { return fputc(character, known(stream)); }
int Fputs(const char *text, FILE *stream) { return fputs(text, known(stream)); }
size_t Fwrite(const void *data, size_t size, size_t count, FILE *to) { return fwrite(data, size, count, known(to)); }
int Fflush(FILE *stream) { return fflush(stream == NULL ? NULL : known(stream)); }

int __android_log_vprint(int priority, const char *tag, const char *format, va_list values) {
  fprintf(stderr, "[android %d] %s: ", priority, tag == NULL ? "" : tag);
  int count = vfprintf(stderr, format, values);
  fputc('\n', stderr);
  return count;
}

int __android_log_print(int priority, const char *tag, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int count = __android_log_vprint(priority, tag, format, values);
  va_end(values);
  return count;
}

int __android_log_write(int priority, const char *tag, const char *text) {
  return __android_log_print(priority, tag, "%s", text);
}

void __android_log_assert(const char *condition, const char *tag, const char *format, ...) {
  fprintf(stderr, "[android assert] %s %s %s\n", tag, condition, format);
  abort();
}

void android_set_abort_message(const char *text) { fprintf(stderr, "[android abort] %s\n", text); }

void __assert2(const char *file, int line, const char *function, const char *text) {
  fprintf(stderr, "%s:%d: %s: %s\n", file, line, function, text);
  abort();
}

int __system_property_get(const char *name, char *value) {
  strcpy(value, strcmp(name, "ro.build.version.sdk") == 0 ? "34" : "");
  return (int)strlen(value);
}

/* Checked forms: the last argument is the size of a buffer. */
size_t __strlen_chk(const char *text, size_t size) { return (void)size, strlen(text); }
char *__strchr_chk(const char *text, int character, size_t size) { return (void)size, strchr(text, character); }
char *__strrchr_chk(const char *text, int character, size_t size) { return (void)size, strrchr(text, character); }
ssize_t __write_chk(int file, const void *data, size_t count, size_t size) { return (void)size, write(file, data, count); }
void __FD_SET_chk(int file, fd_set *set, size_t size) { (void)size, FD_SET(file, set); }
int __FD_ISSET_chk(int file, const fd_set *set, size_t size) { return (void)size, FD_ISSET(file, set); }

char *__gnu_strerror_r(int number, char *text, size_t size) { return strerror_r(number, text, size); }

int Strerror_r(int number, char *text, size_t size) {
  snprintf(text, size, "%s", strerror(number));
  return 0;
}

long Sysconf(int name) {
  switch (name) { /* bionic's numbers */
    case 0x06: return sysconf(_SC_CLK_TCK);
    case 0x27:
    case 0x28: return sysconf(_SC_PAGESIZE);
    case 0x60: return sysconf(_SC_NPROCESSORS_CONF);
    case 0x61: return sysconf(_SC_NPROCESSORS_ONLN);
    case 0x62: return sysconf(_SC_PHYS_PAGES);
    case 0x63: return sysconf(_SC_AVPHYS_PAGES);
    default: return -1;
  }
}

/* glibc's mutex for arm64 has 48 bytes, of which it uses 40. */
int Pthread_mutex_init(void *mutex, const pthread_mutexattr_t *how) {
  pthread_mutex_t made;
  int result = pthread_mutex_init(&made, how);
  memcpy(mutex, &made, MUTEX_BYTES);
  return result;
}

int Pthread_cond_init(pthread_cond_t *condition, void *how) { return (void)how, pthread_cond_init(condition, NULL); }
int Pthread_cond_destroy(pthread_cond_t *condition) { return pthread_cond_destroy(condition); }
int Pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) { return pthread_cond_wait(condition, mutex); }
int Pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end) {
  return pthread_cond_timedwait(condition, mutex, end);
}
int Pthread_cond_signal(pthread_cond_t *condition) { return pthread_cond_signal(condition); }
int Pthread_cond_broadcast(pthread_cond_t *condition) { return pthread_cond_broadcast(condition); }

int Pthread_attr_init(void *place) {
  pthread_attr_t made;
  memset(&made, 0, sizeof made);
  int result = pthread_attr_init(&made);
  memcpy(place, &made, ATTRIBUTE_BYTES);
  return result;
}

/* glibc's sets of signals have 128 bytes. */
int Sigfillset(unsigned long *set) {
  *set = ~0UL;
  return 0;
}

int Pthread_sigmask(int how, const unsigned long *set, unsigned long *before) {
  return syscall(SYS_rt_sigprocmask, how, set, before, SIGNALS_BYTES) == 0 ? 0 : errno;
}
