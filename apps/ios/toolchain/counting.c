// Counts what a program takes from the heap; loaded before it, with LD_PRELOAD.
#include <stdatomic.h>
#include <stddef.h>

static atomic_long taken;

// What glibc itself allocates with.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

long rapsam_allocated_bytes(void) { return atomic_load(&taken); }

void *malloc(size_t size) {
    atomic_fetch_add(&taken, (long)size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    atomic_fetch_add(&taken, (long)(count * size));
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    atomic_fetch_add(&taken, (long)size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    atomic_fetch_add(&taken, (long)size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **place, size_t alignment, size_t size) {
    *place = memalign(alignment, size);
    return *place == NULL ? 12 : 0;
}
