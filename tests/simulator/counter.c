/*
 * Counts instructions as Unicorn executes them, and stops it in time for the next event. In C because
 * it runs at every basic block; machine.py compiles it and hooks it in.
 */
#include <stddef.h>
#include <stdint.h>

#define REGIONS 8

typedef struct region {
    uint64_t base;
    uint64_t size;
    const uint8_t *bytes;
} region;

typedef struct counter {
    uint64_t executed;
    uint64_t limit;   /* stop before a block once this many are executed */
    uint64_t stopped; /* whether it was this that stopped Unicorn */
    int (*stop)(void *unicorn);
    region regions[REGIONS];
} counter;

/* Thumb instructions in the block: those whose first halfword begins with 0b11101, 0b1111 have two. */
static uint64_t instructions(const counter *c, uint64_t address, uint32_t size)
{
    for (size_t i = 0; i < REGIONS; i++) {
        const region *r = &c->regions[i];
        if (address < r->base || address - r->base + size > r->size) {
            continue;
        }
        const uint8_t *code = r->bytes + (address - r->base);
        uint64_t count = 0;
        for (uint32_t at = 0; at < size; count++) {
            at += code[at + 1] >= 0xE8 ? 4 : 2;
        }
        return count;
    }
    return size / 2;
}

void counter_on_block(void *unicorn, uint64_t address, uint32_t size, void *user)
{
    counter *c = user;
    if (c->executed >= c->limit) {
        c->stopped = 1;
        c->stop(unicorn);
        return;
    }
    c->executed += instructions(c, address, size);
}
