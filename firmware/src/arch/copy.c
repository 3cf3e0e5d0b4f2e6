#include "copy.h"

#include <string.h>

#include "dual.h"

#if KWS_HAS_ASSEMBLER

/* Of `count` bytes whole blocks of 16; the places are multiples of 4. Returns the bytes that are left. */
KWS_NAKED uint32_t kws_copy_blocks(KWS_UNSEEN void *to, KWS_UNSEEN const void *from, KWS_UNSEEN uint32_t count)
{
    __asm volatile(".syntax unified\n"
                   "push    {r4-r6}\n"
                   "b       2f\n"
                   "1:\n"
                   "ldmia   r1!, {r3-r6}\n"
                   "stmia   r0!, {r3-r6}\n"
                   "2:\n"
                   "subs    r2, r2, #16\n"
                   "bcs     1b\n"
                   "adds    r2, r2, #16\n"
                   "movs    r0, r2\n"
                   "pop     {r4-r6}\n"
                   "bx      lr\n" ::: "memory");
}

#endif

void kws_copy(void *to, const void *from, uint32_t count)
{
#if KWS_HAS_ASSEMBLER
    if ((((uintptr_t)to | (uintptr_t)from) & 3u) == 0) {
        const uint32_t left = kws_copy_blocks(to, from, count);
        to = (uint8_t *)to + (count - left);
        from = (const uint8_t *)from + (count - left);
        count = left;
    }
#endif
    /* A small memmove goes byte by byte where `to` lies behind; then the two are apart. */
    if ((uintptr_t)to > (uintptr_t)from) {
        memcpy(to, from, count);
    } else {
        memmove(to, from, count);
    }
}
