/*
 * The half of board.h that boards with a PDM microphone and an interrupt-driven UART have in common:
 * audio from pdm_queue.h, bytes through two queues.
 */
#ifndef KWS_PDM_BOARD_H
#define KWS_PDM_BOARD_H

#include "byte_ring.h"

/* Filled by the UART's interrupt handler, and emptied by it. */
extern byte_ring pdm_board_received;
extern byte_ring pdm_board_sending;

/* The board's: a byte now waits in pdm_board_sending. Called without interrupts. */
void pdm_board_start_sending(void);

/* The board's: send what waits, until the last bit has left. Called without interrupts. */
void pdm_board_send_all(void);

#endif
