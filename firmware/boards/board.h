/*
 * What an app needs of a board: samples in, bytes in and out, a clock, a lamp, a way to end.
 *
 * A board is a directory with a linker script, a board.mk that names the CPU, and one implementation
 * of these functions; boards/cortex_m holds the start-up that Arm boards share. None of them may be
 * called from an interrupt handler.
 */
#ifndef KWS_BOARD_H
#define KWS_BOARD_H

#include <stddef.h>
#include <stdint.h>

/* What board_input_waiting returns where there is no telling. */
#define BOARD_UNKNOWN (-1)

/* What board_audio_start returns; negative, and apart from the library's own codes. */
enum {
    BOARD_OK = 0,
    BOARD_ERROR_CLOCK = -101,     /* the oscillator that the microphone's clock is made from does not start */
    BOARD_ERROR_MICROPHONE = -102 /* the microphone's peripheral does not start */
};

/*
 * Prepare clocks, input and output. Call it once, first of all; the other functions do nothing
 * sensible before it.
 */
void board_init(void);

/*
 * Start the microphone, and the watchdog if the board has one: from now on board_audio_read must be
 * called often enough to lose nothing, and board_watchdog_feed often enough to go on. Call it once.
 * Returns BOARD_OK or what is wrong.
 */
int32_t board_audio_start(void);

/*
 * Sleep until there are samples, then move at most `capacity` of them, at KWS_SAMPLE_RATE, to `pcm`;
 * `capacity` must be at least 1. Returns how many were moved: at least 1; 0 at the end of the input,
 * which a microphone never comes to.
 */
size_t board_audio_read(int16_t *pcm, size_t capacity);

/*
 * Blocks of samples lost since the start because board_audio_read was not called in time. How long a
 * block is, is the board's affair; every loss counts at least 1.
 */
uint32_t board_audio_overruns(void);

/* Light the lamp that tells of a detection (1) or put it out (0). A board without one does nothing. */
void board_led(int on);

/*
 * Tell the watchdog that all is well. Where it is not told for about two seconds after
 * board_audio_start, the board restarts. A board without one does nothing.
 */
void board_watchdog_feed(void);

/*
 * Sleep until there is input of the serial line and move at most `capacity` bytes of it to `buffer`;
 * `capacity` must be at least 1. Returns how many bytes were moved: at least 1, and as many as were
 * there without waiting for more than the first; 0 at the end of the input, which a board whose
 * input has no end never returns.
 */
size_t board_read(void *buffer, size_t capacity);

/*
 * Whether bytes of the serial line's input wait to be read: 1, or 0 if none do, or BOARD_UNKNOWN from a board that
 * cannot tell.
 */
int board_input_waiting(void);

/*
 * Write all `count` bytes to the serial line. Returns when `data` may be reused, not when the last
 * bit has left.
 */
void board_write(const void *data, size_t count);

/*
 * A free-running counter that starts anywhere and wraps from 2^32 - 1 to 0. Times are differences
 * of two readings as uint32_t, and right if less than 2^32 ticks lie between them.
 */
uint32_t board_ticks(void);

/* How often board_ticks counts in a second of the board's time; constant, at least 1. */
uint32_t board_ticks_per_second(void);

/*
 * End the program with a status as of a process: 0 is success. A board with nowhere to go sends what
 * is left to send and stops, until the watchdog restarts it.
 */
void board_exit(int status) __attribute__((noreturn));

#endif
