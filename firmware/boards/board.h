/*
 * What an app needs of a board: bytes in, bytes out, a clock, a way to end.
 *
 * A board is a directory with a start-up file, a linker script, a board.mk that names the CPU, and
 * one implementation of these functions. None of them may be called from an interrupt handler.
 */
#ifndef KWS_BOARD_H
#define KWS_BOARD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Prepare clocks, input and output. Call it once, first of all; the other functions do nothing
 * sensible before it.
 */
void board_init(void);

/*
 * Wait for input and move at most `capacity` bytes of it to `buffer`; `capacity` must be at least 1.
 * Returns how many bytes were moved: at least 1, and as many as were there without waiting for more
 * than the first; 0 at the end of the input, which a board whose input has no end never returns.
 */
size_t board_read(void *buffer, size_t capacity);

/* Write all `count` bytes. Returns when `data` may be reused, not when the last bit has left. */
void board_write(const void *data, size_t count);

/*
 * A free-running counter that starts anywhere and wraps from 2^32 - 1 to 0. Times are differences
 * of two readings as uint32_t, and right if less than 2^32 ticks lie between them.
 */
uint32_t board_ticks(void);

/* How often board_ticks counts in a second of the board's time; constant, at least 1. */
uint32_t board_ticks_per_second(void);

/* End the program with a status as of a process: 0 is success. A board with nowhere to go stops. */
void board_exit(int status) __attribute__((noreturn));

#endif
