/* WebAssembly has no C library of its own. -fno-builtin keeps the loops from becoming calls of themselves. */
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
    for (size_t i = 0; i < count; i++) {
        t[i] = f[i];
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
    if ((uintptr_t)t <= (uintptr_t)f) {
        return memcpy(to, from, count);
    }
    while (count > 0) {
        count--;
        t[count] = f[count];
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *t = (uint8_t *)to;
    for (size_t i = 0; i < count; i++) {
        t[i] = (uint8_t)value;
    }
    return to;
}
