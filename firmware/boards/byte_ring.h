/* A queue of bytes between the main program and an interrupt handler: one puts in, the other takes out. */
#ifndef KWS_BYTE_RING_H
#define KWS_BYTE_RING_H

#include <stdint.h>

#define BYTE_RING_SIZE 256u /* a power of two */

typedef struct byte_ring {
    uint8_t bytes[BYTE_RING_SIZE];
    volatile uint32_t put;   /* bytes so far, modulo 2^32; the difference is what it holds */
    volatile uint32_t taken;
} byte_ring;

static inline int byte_ring_empty(const byte_ring *ring)
{
    return ring->put == ring->taken;
}

static inline int byte_ring_full(const byte_ring *ring)
{
    return ring->put - ring->taken == BYTE_RING_SIZE;
}

/* Only if it is not full. */
static inline void byte_ring_put(byte_ring *ring, uint8_t byte)
{
    ring->bytes[ring->put % BYTE_RING_SIZE] = byte;
    __asm volatile("dmb" ::: "memory");
    ring->put++;
}

/* Only if it is not empty. */
static inline uint8_t byte_ring_take(byte_ring *ring)
{
    const uint8_t byte = ring->bytes[ring->taken % BYTE_RING_SIZE];
    __asm volatile("dmb" ::: "memory");
    ring->taken++;
    return byte;
}

#endif
