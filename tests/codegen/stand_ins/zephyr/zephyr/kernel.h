/* Stand-in for Zephyr's kernel: memory slabs. */
#ifndef ZEPHYR_KERNEL_H
#define ZEPHYR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct k_mem_slab {
    char *buffer;
    size_t block_size;
    uint32_t num_blocks;
    uint32_t used; /* a bit a block */
};

#define K_MEM_SLAB_DEFINE_STATIC(name, slab_block_size, slab_num_blocks, slab_align)                       \
    static char __attribute__((aligned(slab_align))) name##_buffer[(slab_num_blocks) * (slab_block_size)]; \
    static struct k_mem_slab name = {name##_buffer, slab_block_size, slab_num_blocks, 0}

void k_mem_slab_free(struct k_mem_slab *slab, void *mem);

#endif
