/* The interrupts in use, by the RP2040 datasheet's numbers. */
#ifndef KWS_INTERRUPTS_H
#define KWS_INTERRUPTS_H

#define DMA_IRQ_0_INTERRUPT 11u
#define UART0_INTERRUPT 20u

#define BOARD_INTERRUPTS 32
#define BOARD_HANDLERS(at) [at(DMA_IRQ_0_INTERRUPT)] = dma_irq_0_interrupt, [at(UART0_INTERRUPT)] = uart0_interrupt

void dma_irq_0_interrupt(void);
void uart0_interrupt(void);

#endif
