/*
 * Sums of products for the DSP extension of Armv7E-M and Armv8-M, over weights that the generator packed
 * (kws/layers/packing.py, the twin of this file): four rows at once, in one part or two.
 *
 * A halfword of weights holds 256 * a + b of two rows, a word two columns. SMLAD of a word and a pair of
 * inputs adds 256 * A + B modulo 2^32; SXTB16 leaves the bytes b, and SMLAD of those adds B. The generator
 * has proved |A| < 2^23, so that A is the difference's upper 24 bits.
 *
 * Proved by tests/firmware/test_arch.py: the sums and the factors for themselves, and whole networks.
 */
#ifndef KWS_ARCH_PACKED_DSP_H
#define KWS_ARCH_PACKED_DSP_H

#include "kws/model.h"

#define KWS_PACKED_COLUMNS 4u

/* Of two, how many turns of four quads, which is four columns of four rows; the first is entered `skipped` bytes late. */
typedef struct kws_packed_part {
    uint32_t turns;
    uint32_t skipped;
    int32_t sums[4]; /* with rows I, F, G, O: 256 * I + F, F, 256 * G + O, O */
} kws_packed_part;

/* Of four rows in one part, with its biases. */
static inline uint32_t kws_packed_words(uint32_t columns)
{
    return 4u + KWS_PACKED_COLUMNS * ((columns + KWS_PACKED_COLUMNS - 1u) / KWS_PACKED_COLUMNS);
}

/* In the order in which kws_packed_sums reads and writes them; a part of no turns ends the parts. */
typedef struct kws_packed_pass {
    const uint32_t *weights; /* of the next four rows */
    const uint32_t *vector;  /* widened */
    kws_packed_part parts[2];
    uint32_t end; /* no turns; a word follows it */
} kws_packed_pass;

/* Ready for rows of one part. */
void kws_packed_start(kws_packed_pass *pass, const uint32_t *weights, const uint32_t *vector, uint32_t columns);

/* A part over so many columns, of which the weights have been packed. */
void kws_packed_start_part(kws_packed_part *part, uint32_t columns);

/* int8 to pairs of int16 in the order that the weights have: 0 and 2, 1 and 3; zeros up to a multiple of 4. */
uint32_t *kws_widen(uint32_t *to, const int8_t *from, uint32_t count);

/*
 * For assembler: the next four rows' sums, of the pass in r11. Destroys all registers but sp; leaves the next weights in
 * r4, the last part's sums in r0 to r3, and in r11 what follows the end of the parts and a word.
 */
void kws_packed_sums(void);

/* The next four rows' sums, of one part; moves pass->weights on. */
void kws_packed_products(kws_packed_pass *pass);

#endif
