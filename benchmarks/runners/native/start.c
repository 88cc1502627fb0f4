/* How a program begins on Android, for builds without an NDK, whose start file does the same.
 *
 * The loader leaves the arguments on the stack; bionic takes them from there, prepares itself and calls main.
 */
#ifdef RAPSAM_NO_NDK
#include "bionic.h"

int main(int count, char **words);

/* Tables of what runs before and after main; this program has none. */
struct structors {
  void *before_all, *before, *after;
};

void __libc_init(void *arguments, void (*unused)(void), int (*program)(int, char **),
                 const struct structors *structors) __attribute__((noreturn));

__attribute__((noreturn, used)) static void start(void *arguments) {
  static const struct structors none;
  __libc_init(arguments, NULL, main, &none);
}

#if defined(__aarch64__)
__asm__(
    ".globl _start\n.type _start, %function\n_start:\n"
    " mov x29, #0\n mov x30, #0\n mov x0, sp\n b start\n");
#elif defined(__x86_64__)
__asm__(
    ".globl _start\n.type _start, @function\n_start:\n"
    " xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#else
#error "64-bit arm and x86 only"
#endif
#else
typedef int not_empty; /* the NDK has a start file */
#endif
