// Counts the live bytes of a program's heap; preloaded (LD_PRELOAD) by compare.py into PyTorch and gleam alike. At exit the peak
// above the mark (or above the start) is written to the file that HEAP_PEAK_FILE names. For glibc.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static atomic_long live, highest, marked;

static void *counted(void *block) {
    if (!block) return block;
    const long bytes = (long)malloc_usable_size(block), now = atomic_fetch_add(&live, bytes) + bytes;
    long seen = atomic_load(&highest);
    while (now > seen && !atomic_compare_exchange_weak(&highest, &seen, now)) {}
    return block;
}

static void forget(void *block) {
    if (block) atomic_fetch_sub(&live, (long)malloc_usable_size(block));
}

void *malloc(size_t bytes) { return counted(__libc_malloc(bytes)); }
void *calloc(size_t count, size_t bytes) { return counted(__libc_calloc(count, bytes)); }
void *memalign(size_t alignment, size_t bytes) { return counted(__libc_memalign(alignment, bytes)); }
void *aligned_alloc(size_t alignment, size_t bytes) { return counted(__libc_memalign(alignment, bytes)); }
void free(void *block) { forget(block), __libc_free(block); }

void *realloc(void *block, size_t bytes) {
    const long before = block ? (long)malloc_usable_size(block) : 0;
    void *moved = __libc_realloc(block, bytes);
    if (moved || bytes == 0) atomic_fetch_sub(&live, before);
    return counted(moved);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    void *block = counted(__libc_memalign(alignment, bytes));
    if (!block) return ENOMEM;
    *result = block;
    return 0;
}

void heap_mark(void) { atomic_store(&marked, atomic_load(&live)); }

void heap_forget_peak(void) { atomic_store(&highest, atomic_load(&live)); }

long heap_peak_above_mark(void) { return atomic_load(&highest) - atomic_load(&marked); }

__attribute__((destructor)) static void write_peak(void) {
    const char *name = getenv("HEAP_PEAK_FILE");
    FILE *file = name ? fopen(name, "w") : NULL;
    if (file) fprintf(file, "%ld\n", heap_peak_above_mark()), fclose(file);
}
