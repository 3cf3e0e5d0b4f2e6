#ifndef KWS_INTERRUPTS_H
#define KWS_INTERRUPTS_H

#include "nrf52840.h"

#define BOARD_INTERRUPTS 48u
#define BOARD_HANDLERS(at) [at(UARTE0_INTERRUPT)] = uarte0_interrupt, [at(PDM_INTERRUPT)] = pdm_interrupt

void uarte0_interrupt(void);
void pdm_interrupt(void);

#endif
