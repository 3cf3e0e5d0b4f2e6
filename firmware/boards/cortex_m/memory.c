/*
 * What the library and the compiler call: copies by words where the core can. The toolchain's own are
 * faster with large blocks and six times the size.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The compiler must not make a call of memcpy out of the loop in memcpy; and it calls these itself, which
 * a link-time optimiser sees too late. Clang leaves such loops alone when it is told -ffreestanding.
 */
#if defined(__clang__)
#define KEEP_LOOPS __attribute__((used))
#else
#define KEEP_LOOPS __attribute__((used, optimize("no-tree-loop-distribute-patterns")))
#endif

/* A word of whatever the memory holds. */
typedef uint32_t __attribute__((may_alias, aligned(1))) any_word;

KEEP_LOOPS void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *d = (uint8_t *)to;
    const uint8_t *s = (const uint8_t *)from;
    if (d > s) {
        while (count-- > 0) {
            d[count] = s[count];
        }
        return to;
    }
#if defined(__ARM_FEATURE_UNALIGNED)
    for (; count >= sizeof(any_word); count -= sizeof(any_word)) {
        *(any_word *)(void *)d = *(const any_word *)(const void *)s;
        d += sizeof(any_word);
        s += sizeof(any_word);
    }
#endif
    while (count-- > 0) {
        *d++ = *s++;
    }
    return to;
}

KEEP_LOOPS void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *d = (uint8_t *)to;
    const uint8_t *s = (const uint8_t *)from;
#if defined(__ARM_FEATURE_UNALIGNED)
    for (; count >= sizeof(any_word); count -= sizeof(any_word)) {
        *(any_word *)(void *)d = *(const any_word *)(const void *)s;
        d += sizeof(any_word);
        s += sizeof(any_word);
    }
#endif
    while (count-- > 0) {
        *d++ = *s++;
    }
    return to;
}

KEEP_LOOPS void *memset(void *to, int value, size_t count)
{
    uint8_t *d = (uint8_t *)to;
    while (count-- > 0) {
        *d++ = (uint8_t)value;
    }
    return to;
}
