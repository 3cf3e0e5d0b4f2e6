/* None: semihosting stops the CPU until the host has done the work. */
#ifndef KWS_INTERRUPTS_H
#define KWS_INTERRUPTS_H

#define BOARD_INTERRUPTS 0u
#define BOARD_HANDLERS(at)

#endif
