/* The registers in use, named as in the RP2040 datasheet; the core's as in Arm's Armv6-M manual. */
#ifndef KWS_RP2040_H
#define KWS_RP2040_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Aliases of the APB and AHB-Lite peripherals' registers: what is written there is set or cleared. */
#define SET_BITS(address) REGISTER((address) + 0x2000u)
#define CLEAR_BITS(address) REGISTER((address) + 0x3000u)

#define RESETS_RESET 0x4000C000u
#define RESETS_RESET_DONE REGISTER(0x4000C008u)
#define RESETS_DMA (1u << 2)
#define RESETS_IO_BANK0 (1u << 5)
#define RESETS_PADS_BANK0 (1u << 8)
#define RESETS_PIO0 (1u << 10)
#define RESETS_PLL_SYS (1u << 12)
#define RESETS_TIMER (1u << 21)
#define RESETS_UART0 (1u << 22)

#define CLOCKS_CLK_REF_CTRL REGISTER(0x40008030u)
#define CLK_REF_CTRL_SRC_XOSC 2u
#define CLOCKS_CLK_REF_SELECTED REGISTER(0x40008038u)
#define CLOCKS_CLK_SYS_CTRL REGISTER(0x4000803Cu)
#define CLK_SYS_CTRL_SRC_CLK_REF 0u
#define CLK_SYS_CTRL_SRC_AUX 1u
#define CLK_SYS_CTRL_AUXSRC_PLL_SYS (0u << 5)
#define CLOCKS_CLK_SYS_SELECTED REGISTER(0x40008044u)
#define CLOCKS_CLK_PERI_CTRL REGISTER(0x40008048u)
#define CLK_PERI_CTRL_AUXSRC_CLK_SYS (0u << 5)
#define CLK_PERI_CTRL_ENABLE (1u << 11)

#define XOSC_CTRL REGISTER(0x40024000u)
#define XOSC_CTRL_FREQ_RANGE_1_15MHZ 0xAA0u
#define XOSC_CTRL_ENABLE (0xFABu << 12)
#define XOSC_STATUS REGISTER(0x40024004u)
#define XOSC_STATUS_STABLE (1u << 31)
#define XOSC_STARTUP REGISTER(0x4002400Cu)

#define PLL_SYS_CS REGISTER(0x40028000u)
#define PLL_CS_LOCK (1u << 31)
#define PLL_SYS_PWR 0x40028004u
#define PLL_PWR_PD (1u << 0)
#define PLL_PWR_POSTDIVPD (1u << 3)
#define PLL_PWR_VCOPD (1u << 5)
#define PLL_SYS_FBDIV_INT REGISTER(0x40028008u)
#define PLL_SYS_PRIM REGISTER(0x4002800Cu)
#define PLL_PRIM_POSTDIV1(divider) ((uint32_t)(divider) << 16)
#define PLL_PRIM_POSTDIV2(divider) ((uint32_t)(divider) << 12)

#define PSM_WDSEL REGISTER(0x40010008u)
#define PSM_WDSEL_ALL_BUT_OSCILLATORS 0x1FFFCu

#define WATCHDOG_CTRL 0x40058000u
#define WATCHDOG_CTRL_PAUSE (7u << 24) /* while a debugger halts the cores */
#define WATCHDOG_CTRL_ENABLE (1u << 30)
#define WATCHDOG_LOAD REGISTER(0x40058004u)
#define WATCHDOG_TICK REGISTER(0x4005802Cu)
#define WATCHDOG_TICK_ENABLE (1u << 9)

#define TIMER_TIMERAWL REGISTER(0x40054028u)

#define IO_BANK0_GPIO_CTRL(pin) REGISTER(0x40014004u + 8u * (pin))
#define FUNCSEL_UART 2u
#define FUNCSEL_SIO 5u
#define FUNCSEL_PIO0 6u

#define PADS_BANK0_GPIO(pin) REGISTER(0x4001C004u + 4u * (pin))
#define PAD_SCHMITT (1u << 1)
#define PAD_PDE (1u << 2) /* pull-down */
#define PAD_PUE (1u << 3) /* pull-up */
#define PAD_DRIVE_4MA (1u << 4)
#define PAD_IE (1u << 6) /* input enable */

#define SIO_GPIO_OUT_SET REGISTER(0xD0000014u)
#define SIO_GPIO_OUT_CLR REGISTER(0xD0000018u)
#define SIO_GPIO_OE_SET REGISTER(0xD0000024u)

#define UART0_UARTDR REGISTER(0x40034000u)
#define UART0_UARTFR REGISTER(0x40034018u)
#define UARTFR_BUSY (1u << 3)
#define UARTFR_RXFE (1u << 4)
#define UARTFR_TXFF (1u << 5)
#define UART0_UARTIBRD REGISTER(0x40034024u)
#define UART0_UARTFBRD REGISTER(0x40034028u)
#define UART0_UARTLCR_H REGISTER(0x4003402Cu)
#define UARTLCR_H_FEN (1u << 4)
#define UARTLCR_H_WLEN_8 (3u << 5)
#define UART0_UARTCR REGISTER(0x40034030u)
#define UARTCR_UARTEN (1u << 0)
#define UARTCR_TXE (1u << 8)
#define UARTCR_RXE (1u << 9)
#define UART0_UARTIMSC REGISTER(0x40034038u)
#define UARTIMSC_RXIM (1u << 4)
#define UARTIMSC_TXIM (1u << 5)
#define UARTIMSC_RTIM (1u << 6)

#define DMA_CH0_READ_ADDR REGISTER(0x50000000u)
#define DMA_CH0_WRITE_ADDR REGISTER(0x50000004u)
#define DMA_CH0_TRANS_COUNT REGISTER(0x50000008u)
#define DMA_CH0_CTRL_TRIG REGISTER(0x5000000Cu)
#define DMA_CH1_READ_ADDR REGISTER(0x50000040u)
#define DMA_CH1_WRITE_ADDR REGISTER(0x50000044u)
#define DMA_CH1_TRANS_COUNT REGISTER(0x50000048u)
#define DMA_CH1_AL1_CTRL REGISTER(0x50000050u)
#define DMA_CTRL_EN (1u << 0)
#define DMA_CTRL_HIGH_PRIORITY (1u << 1)
#define DMA_CTRL_DATA_SIZE_WORD (2u << 2)
#define DMA_CTRL_INCR_WRITE (1u << 5)
#define DMA_CTRL_RING_SIZE(bits) ((uint32_t)(bits) << 6)
#define DMA_CTRL_RING_SEL_WRITE (1u << 10)
#define DMA_CTRL_CHAIN_TO(channel) ((uint32_t)(channel) << 11)
#define DMA_CTRL_TREQ_SEL(request) ((uint32_t)(request) << 15)
#define DMA_CTRL_BSWAP (1u << 22)
#define DMA_CTRL_BUSY (1u << 24)
#define DREQ_PIO0_RX0 4u
#define DMA_INTE0 REGISTER(0x50000404u)
#define DMA_INTS0 REGISTER(0x5000040Cu)

#define PIO0_CTRL REGISTER(0x50200000u)
#define PIO_CTRL_SM_ENABLE(machine) (1u << (machine))
#define PIO0_RXF0 REGISTER(0x50200020u)
#define PIO0_INSTR_MEM(index) REGISTER(0x50200048u + 4u * (index))
#define PIO0_SM0_CLKDIV REGISTER(0x502000C8u)
#define SM_CLKDIV_INT(divider) ((uint32_t)(divider) << 16)
#define PIO0_SM0_EXECCTRL REGISTER(0x502000CCu)
#define SM_EXECCTRL_WRAP_BOTTOM(index) ((uint32_t)(index) << 7)
#define SM_EXECCTRL_WRAP_TOP(index) ((uint32_t)(index) << 12)
#define PIO0_SM0_SHIFTCTRL REGISTER(0x502000D0u)
#define SM_SHIFTCTRL_AUTOPUSH (1u << 16)
#define PIO0_SM0_INSTR REGISTER(0x502000D8u)
#define PIO0_SM0_PINCTRL REGISTER(0x502000DCu)
#define SM_PINCTRL_SET_BASE(pin) ((uint32_t)(pin) << 5)
#define SM_PINCTRL_SIDESET_BASE(pin) ((uint32_t)(pin) << 10)
#define SM_PINCTRL_IN_BASE(pin) ((uint32_t)(pin) << 15)
#define SM_PINCTRL_SET_COUNT(count) ((uint32_t)(count) << 26)
#define SM_PINCTRL_SIDESET_COUNT(count) ((uint32_t)(count) << 29)

#define NVIC_IPR5 REGISTER(0xE000E414u) /* interrupts 20 to 23, a byte each */

#endif
