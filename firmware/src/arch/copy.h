/* Copies of many values. A C library made small takes nine instructions a word, and a hop has hundreds of words. */
#ifndef KWS_ARCH_COPY_H
#define KWS_ARCH_COPY_H

#include <stdint.h>

/* `count` bytes, first to last: `to` may lie before `from` in the same array. */
void kws_copy(void *to, const void *from, uint32_t count);

#endif
