/* The interrupts in use, by their place in RM0090's vector table. */
#ifndef KWS_INTERRUPTS_H
#define KWS_INTERRUPTS_H

#define DMA1_STREAM3_INTERRUPT 14u
#define USART2_INTERRUPT 38u

#define BOARD_INTERRUPTS 82
#define BOARD_HANDLERS(at) [at(DMA1_STREAM3_INTERRUPT)] = dma1_stream3_interrupt, \
                           [at(USART2_INTERRUPT)] = usart2_interrupt

void dma1_stream3_interrupt(void);
void usart2_interrupt(void);

#endif
