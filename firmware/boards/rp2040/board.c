/*
 * Raspberry Pi Pico: a PDM microphone clocked by PIO, UART0, the LED. Registers as in the RP2040
 * datasheet.
 */
#include "board.h"

#include "cortex_m.h"
#include "interrupts.h"
#include "pdm_board.h"
#include "pdm_queue.h"
#include "rp2040.h"

#define CLOCK_WAIT 100000u /* readings of a register: some 0.1 s before the PLL */
#define CLK_SYS_HZ 125000000u
#define CLK_REF_HZ 12000000u

#define PIN_UART_TX 0u
#define PIN_UART_RX 1u
#define PIN_PDM_CLOCK 2u
#define PIN_PDM_DATA 3u
#define PIN_LED 25u

/* 24 dB: most microphones give -26 dBFS at 94 dB SPL, so a voice of 60 dB SPL comes to -36 dBFS. */
#define MICROPHONE_GAIN 4u

/* Two instructions of 61 cycles each: 125 MHz / 122 = 1.0246 MHz, 16.009 kHz. */
#define PIO_CYCLES 61u

#define BLOCK_SIZE_BITS 9u
_Static_assert(PDM_BLOCK_BYTES == 1u << BLOCK_SIZE_BITS, "the DMA wraps its write address by this many bits");

/* Aligned, because the DMA counts only the lower bits of the address up. */
static uint32_t pdm[2][PDM_BLOCK_BYTES / 4u] __attribute__((aligned(PDM_BLOCK_BYTES)));
static int32_t clock_status;

static int wait_for(volatile uint32_t *reg, uint32_t bits)
{
    for (uint32_t i = 0; i < CLOCK_WAIT; i++) {
        if ((*reg & bits) == bits) {
            return 1;
        }
    }
    return 0;
}

static void output_pin(uint32_t pin, uint32_t function)
{
    PADS_BANK0_GPIO(pin) = PAD_DRIVE_4MA;
    IO_BANK0_GPIO_CTRL(pin) = function;
}

/* Where nothing is wired, `pull` says what is read. */
static void input_pin(uint32_t pin, uint32_t function, uint32_t pull)
{
    PADS_BANK0_GPIO(pin) = PAD_IE | PAD_SCHMITT | pull;
    IO_BANK0_GPIO_CTRL(pin) = function;
}

static int release(uint32_t peripherals)
{
    CLEAR_BITS(RESETS_RESET) = peripherals;
    return wait_for(&RESETS_RESET_DONE, peripherals);
}

/* 12 MHz crystal * 125 / 6 / 2 = 125 MHz for the core and the peripherals. */
static int32_t start_clocks(void)
{
    XOSC_STARTUP = 47; /* 1 ms in units of 256 periods */
    XOSC_CTRL = XOSC_CTRL_FREQ_RANGE_1_15MHZ | XOSC_CTRL_ENABLE;
    if (!wait_for(&XOSC_STATUS, XOSC_STATUS_STABLE)) {
        return BOARD_ERROR_CLOCK;
    }
    CLOCKS_CLK_REF_CTRL = CLK_REF_CTRL_SRC_XOSC;
    CLOCKS_CLK_SYS_CTRL = CLK_SYS_CTRL_SRC_CLK_REF;
    if (!wait_for(&CLOCKS_CLK_REF_SELECTED, 1u << CLK_REF_CTRL_SRC_XOSC) ||
        !wait_for(&CLOCKS_CLK_SYS_SELECTED, 1u << CLK_SYS_CTRL_SRC_CLK_REF) || !release(RESETS_PLL_SYS)) {
        return BOARD_ERROR_CLOCK;
    }
    PLL_SYS_CS = 1; /* the crystal undivided */
    PLL_SYS_FBDIV_INT = 125;
    CLEAR_BITS(PLL_SYS_PWR) = PLL_PWR_PD | PLL_PWR_VCOPD;
    if (!wait_for(&PLL_SYS_CS, PLL_CS_LOCK)) {
        return BOARD_ERROR_CLOCK;
    }
    PLL_SYS_PRIM = PLL_PRIM_POSTDIV1(6) | PLL_PRIM_POSTDIV2(2);
    CLEAR_BITS(PLL_SYS_PWR) = PLL_PWR_POSTDIVPD;
    CLOCKS_CLK_SYS_CTRL = CLK_SYS_CTRL_SRC_AUX | CLK_SYS_CTRL_AUXSRC_PLL_SYS;
    return wait_for(&CLOCKS_CLK_SYS_SELECTED, 1u << CLK_SYS_CTRL_SRC_AUX) ? BOARD_OK : BOARD_ERROR_CLOCK;
}

/* The divisor of the baud rate in 64ths. Without the crystal the core runs from a ring oscillator of some 6 MHz. */
static void start_uart(uint32_t clk_peri_hz)
{
    const uint32_t divisor = (4u * clk_peri_hz + BOARD_BAUD / 2u) / BOARD_BAUD;
    CLOCKS_CLK_PERI_CTRL = CLK_PERI_CTRL_ENABLE | CLK_PERI_CTRL_AUXSRC_CLK_SYS;
    UART0_UARTIBRD = divisor / 64u;
    UART0_UARTFBRD = divisor % 64u;
    UART0_UARTLCR_H = UARTLCR_H_FEN | UARTLCR_H_WLEN_8;
    UART0_UARTCR = UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE;
    UART0_UARTIMSC = UARTIMSC_RXIM | UARTIMSC_RTIM;
    output_pin(PIN_UART_TX, FUNCSEL_UART);
    input_pin(PIN_UART_RX, FUNCSEL_UART, PAD_PUE); /* the level of an idle line */
    NVIC_IPR5 = 0x80; /* the microphone goes first */
    enable_interrupt(UART0_INTERRUPT);
}

void board_init(void)
{
    clock_status = start_clocks();
    const uint32_t peripherals = RESETS_DMA | RESETS_IO_BANK0 | RESETS_PADS_BANK0 | RESETS_PIO0 | RESETS_TIMER |
                                 RESETS_UART0;
    if (!release(peripherals) && clock_status == BOARD_OK) {
        clock_status = BOARD_ERROR_CLOCK;
    }
    WATCHDOG_TICK = WATCHDOG_TICK_ENABLE | (CLK_REF_HZ / 1000000u);
    output_pin(PIN_LED, FUNCSEL_SIO);
    SIO_GPIO_OE_SET = 1u << PIN_LED;
    start_uart(clock_status == BOARD_OK ? CLK_SYS_HZ : 6000000u);
}

/*
 * Two instructions, the side-set pin being the microphone's clock:
 *
 *     nop         side 0    the microphone puts its bit on the line while the clock is low
 *     in pins, 1  side 1    and it is taken just before the clock rises
 *
 * The pins are seen through two flip-flops, so what is taken is as old as two cycles of clk_sys.
 */
static void start_pio(void)
{
    PIO0_INSTR_MEM(0) = 0xA042u;
    PIO0_INSTR_MEM(1) = 0x5001u;
    PIO0_SM0_CLKDIV = SM_CLKDIV_INT(PIO_CYCLES);
    PIO0_SM0_EXECCTRL = SM_EXECCTRL_WRAP_BOTTOM(0) | SM_EXECCTRL_WRAP_TOP(1);
    /* Shifting left, the first bit of 32 becomes the most significant. */
    PIO0_SM0_SHIFTCTRL = SM_SHIFTCTRL_AUTOPUSH;
    PIO0_SM0_PINCTRL = SM_PINCTRL_SET_BASE(PIN_PDM_CLOCK) | SM_PINCTRL_SET_COUNT(1) |
                       SM_PINCTRL_SIDESET_BASE(PIN_PDM_CLOCK) | SM_PINCTRL_SIDESET_COUNT(1) |
                       SM_PINCTRL_IN_BASE(PIN_PDM_DATA);
    PIO0_SM0_INSTR = 0xE081u; /* set pindirs, 1  side 0 */
    output_pin(PIN_PDM_CLOCK, FUNCSEL_PIO0);
    input_pin(PIN_PDM_DATA, FUNCSEL_PIO0, PAD_PDE);
}

/*
 * Each channel fills its half and starts the other; no program has a hand in it, since the write
 * address wraps. Swapping the bytes brings the first bit of a word to the first byte.
 */
static void start_dma(void)
{
    const uint32_t control = DMA_CTRL_EN | DMA_CTRL_HIGH_PRIORITY | DMA_CTRL_DATA_SIZE_WORD | DMA_CTRL_INCR_WRITE |
                             DMA_CTRL_RING_SIZE(BLOCK_SIZE_BITS) | DMA_CTRL_RING_SEL_WRITE |
                             DMA_CTRL_TREQ_SEL(DREQ_PIO0_RX0) | DMA_CTRL_BSWAP;
    const uint32_t fifo = (uint32_t)(uintptr_t)&PIO0_RXF0;
    DMA_CH0_READ_ADDR = fifo;
    DMA_CH0_WRITE_ADDR = (uint32_t)(uintptr_t)pdm[0];
    DMA_CH0_TRANS_COUNT = PDM_BLOCK_BYTES / 4u;
    DMA_CH1_READ_ADDR = fifo;
    DMA_CH1_WRITE_ADDR = (uint32_t)(uintptr_t)pdm[1];
    DMA_CH1_TRANS_COUNT = PDM_BLOCK_BYTES / 4u;
    DMA_CH1_AL1_CTRL = control | DMA_CTRL_CHAIN_TO(0);
    DMA_INTE0 = 3;
    DMA_CH0_CTRL_TRIG = control | DMA_CTRL_CHAIN_TO(1);
}

int32_t board_audio_start(void)
{
    if (clock_status != BOARD_OK) {
        return clock_status;
    }
    pdm_queue_start(MICROPHONE_GAIN);
    start_pio();
    start_dma();
    enable_interrupt(DMA_IRQ_0_INTERRUPT);
    PIO0_CTRL = PIO_CTRL_SM_ENABLE(0);
    PSM_WDSEL = PSM_WDSEL_ALL_BUT_OSCILLATORS;
    board_watchdog_feed();
    SET_BITS(WATCHDOG_CTRL) = WATCHDOG_CTRL_PAUSE | WATCHDOG_CTRL_ENABLE;
    return BOARD_OK;
}

void dma_irq_0_interrupt(void)
{
    const uint32_t status = DMA_INTS0;
    DMA_INTS0 = status;
    uint32_t half = (status & 2u) ? 1 : 0;
    if (status == 3u) { /* too late: the older half is being overwritten */
        pdm_queue_lost(1);
        half = (DMA_CH0_CTRL_TRIG & DMA_CTRL_BUSY) ? 1 : 0;
    }
    if (status != 0) {
        pdm_queue_put((const uint8_t *)pdm[half]);
    }
}

/* Its interrupt comes when a full FIFO has become half empty, so it is wanted only while bytes wait. */
static void fill_fifo(void)
{
    while (!byte_ring_empty(&pdm_board_sending) && !(UART0_UARTFR & UARTFR_TXFF)) {
        UART0_UARTDR = byte_ring_take(&pdm_board_sending);
    }
    UART0_UARTIMSC = UARTIMSC_RXIM | UARTIMSC_RTIM | (byte_ring_empty(&pdm_board_sending) ? 0u : UARTIMSC_TXIM);
}

void uart0_interrupt(void)
{
    while (!(UART0_UARTFR & UARTFR_RXFE)) {
        const uint8_t byte = (uint8_t)UART0_UARTDR;
        if (!byte_ring_full(&pdm_board_received)) {
            byte_ring_put(&pdm_board_received, byte);
        }
    }
    fill_fifo();
}

void board_led(int on)
{
    if (on) {
        SIO_GPIO_OUT_SET = 1u << PIN_LED;
    } else {
        SIO_GPIO_OUT_CLR = 1u << PIN_LED;
    }
}

/* Counts down twice a microsecond (erratum RP2040-E1). */
void board_watchdog_feed(void)
{
    WATCHDOG_LOAD = 2u * 2000000u;
}

void pdm_board_start_sending(void)
{
    fill_fifo();
}

void pdm_board_send_all(void)
{
    while (!byte_ring_empty(&pdm_board_sending)) {
        fill_fifo();
    }
    while (UART0_UARTFR & UARTFR_BUSY) {
    }
}

uint32_t board_ticks(void)
{
    return TIMER_TIMERAWL;
}

uint32_t board_ticks_per_second(void)
{
    return 1000000u;
}
