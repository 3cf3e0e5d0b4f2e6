/*
 * STM32F4 Discovery: the MP45DT02 microphone on I2S2, the ST-LINK's USART2 pins, the green LED.
 * Registers as in RM0090, pins as in UM1472.
 */
#include "board.h"

#include "cortex_m.h"
#include "interrupts.h"
#include "pdm_board.h"
#include "pdm_queue.h"
#include "stm32f407.h"

#define CLOCK_WAIT 100000u /* readings of a register: some 50 ms before the PLL, far more than an oscillator takes */
#define APB1_HZ 42000000u
#define APB1_TIMER_HZ 84000000u

#define LED_GREEN 12u /* LD4 on PD12 */

/* 24 dB: the microphone gives -26 dBFS at 94 dB SPL, so a voice of 60 dB SPL comes to -36 dBFS. */
#define MICROPHONE_GAIN 4u

#define BLOCK_HALFWORDS (PDM_BLOCK_BYTES / 2u)

static uint32_t pdm[2][PDM_BLOCK_BYTES / 4u];
static int32_t clock_status;

static int wait_for(volatile uint32_t *reg, uint32_t bits, uint32_t value)
{
    for (uint32_t i = 0; i < CLOCK_WAIT; i++) {
        if ((*reg & bits) == value) {
            return 1;
        }
    }
    return 0;
}

/* 8 MHz crystal / 8 * 336 / 2 = 168 MHz for the core, 42 and 84 MHz for the peripherals. */
static int32_t start_clocks(void)
{
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR; /* the clock runs two cycles after the write; RM0090 asks for a read */
    PWR_CR |= PWR_CR_VOS;
    RCC_CR |= RCC_CR_HSEON;
    if (!wait_for(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY)) {
        return BOARD_ERROR_CLOCK;
    }
    RCC_PLLCFGR = RCC_PLLCFGR_PLLM(8) | RCC_PLLCFGR_PLLN(336) | RCC_PLLCFGR_PLLP(2) | RCC_PLLCFGR_PLLSRC_HSE |
                  RCC_PLLCFGR_PLLQ(7);
    RCC_CR |= RCC_CR_PLLON;
    if (!wait_for(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return BOARD_ERROR_CLOCK;
    }
    FLASH_ACR = FLASH_ACR_LATENCY_5WS | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
    RCC_CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC_CFGR |= RCC_CFGR_SW_PLL;
    return wait_for(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL) ? BOARD_OK : BOARD_ERROR_CLOCK;
}

static void set_mode(uint32_t port, uint32_t pin, uint32_t mode)
{
    GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << (2 * pin))) | (mode << (2 * pin));
}

static void set_alternate(uint32_t port, uint32_t pin, uint32_t function)
{
    volatile uint32_t *afr = pin < 8 ? &GPIO_AFRL(port) : &GPIO_AFRH(port);
    *afr = (*afr & ~(15u << (4 * (pin & 7u)))) | (function << (4 * (pin & 7u)));
    set_mode(port, pin, GPIO_MODER_ALTERNATE);
}

/* Without the crystal the core goes on at the internal 16 MHz; the UART then still says so. */
static void start_uart(uint32_t apb1_hz)
{
    set_alternate(GPIOA, 2, 7);
    set_alternate(GPIOA, 3, 7);
    USART2_BRR = (apb1_hz + BOARD_BAUD / 2u) / BOARD_BAUD;
    USART2_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    NVIC_IPR(USART2_INTERRUPT) = 0x80; /* the microphone goes first */
    enable_interrupt(USART2_INTERRUPT);
}

void board_init(void)
{
    clock_status = start_clocks();
    RCC_AHB1ENR |= RCC_AHB1ENR_GPIOAEN | RCC_AHB1ENR_GPIOBEN | RCC_AHB1ENR_GPIOCEN | RCC_AHB1ENR_GPIODEN |
                   RCC_AHB1ENR_DMA1EN;
    RCC_APB1ENR |= RCC_APB1ENR_TIM2EN | RCC_APB1ENR_SPI2EN | RCC_APB1ENR_USART2EN;
    (void)RCC_APB1ENR;
    TIM2_CR1 = TIM_CR1_CEN;
    set_mode(GPIOD, LED_GREEN, GPIO_MODER_OUTPUT);
    start_uart(clock_status == BOARD_OK ? APB1_HZ : 16000000u);
}

static void start_dma(void)
{
    DMA1_S3PAR = (uint32_t)(uintptr_t)&SPI2_DR;
    DMA1_S3M0AR = (uint32_t)(uintptr_t)pdm;
    DMA1_S3NDTR = 2 * BLOCK_HALFWORDS;
    DMA1_LIFCR = DMA_LISR_FEIF3 | DMA_LISR_DMEIF3 | DMA_LISR_TEIF3 | DMA_LISR_HTIF3 | DMA_LISR_TCIF3;
    DMA1_S3CR = DMA_SxCR_CHSEL(0) | DMA_SxCR_PL_HIGH | DMA_SxCR_MSIZE_HALFWORD | DMA_SxCR_PSIZE_HALFWORD |
                DMA_SxCR_MINC | DMA_SxCR_CIRC | DMA_SxCR_TCIE | DMA_SxCR_HTIE | DMA_SxCR_TEIE;
    DMA1_S3CR |= DMA_SxCR_EN;
}

/* Enabled at once: PR and RLR are taken over by the 32 kHz oscillator, which this starts. */
static int start_watchdog(void)
{
    IWDG_KR = IWDG_KR_START;
    IWDG_KR = IWDG_KR_UNLOCK;
    IWDG_PR = IWDG_PR_DIV32;
    IWDG_RLR = 1999; /* 2 s of a nominal 1 kHz */
    /* Up to five of the oscillator's divided cycles, which at its slowest are 9 ms. */
    const uint32_t start = board_ticks();
    while ((IWDG_SR & 3u) != 0) {
        if (board_ticks() - start > board_ticks_per_second() / 20u) {
            return 0;
        }
    }
    board_watchdog_feed();
    return 1;
}

/*
 * A stereo frame of two halfwords with no gap between them is 32 bits, and every bit clock takes in a
 * bit: the I2S is but a shift register for the microphone. 8 MHz / 8 * 256 / 5 / (2 * 25) = 1.024 MHz.
 */
int32_t board_audio_start(void)
{
    if (clock_status != BOARD_OK) {
        return clock_status;
    }
    RCC_PLLI2SCFGR = RCC_PLLI2SCFGR_PLLI2SN(256) | RCC_PLLI2SCFGR_PLLI2SR(5);
    RCC_CR |= RCC_CR_PLLI2SON;
    if (!wait_for(&RCC_CR, RCC_CR_PLLI2SRDY, RCC_CR_PLLI2SRDY)) {
        return BOARD_ERROR_CLOCK;
    }
    pdm_queue_start(MICROPHONE_GAIN);
    set_alternate(GPIOB, 10, 5);
    set_alternate(GPIOC, 3, 5);
    start_dma();
    enable_interrupt(DMA1_STREAM3_INTERRUPT);
    SPI2_I2SPR = SPI_I2SPR_I2SDIV(25);
    SPI2_I2SCFGR = SPI_I2SCFGR_I2SMOD | SPI_I2SCFGR_I2SCFG_MASTER_RECEIVE | SPI_I2SCFGR_I2SSTD_LSB |
                   SPI_I2SCFGR_CKPOL;
    SPI2_CR2 = SPI_CR2_RXDMAEN;
    SPI2_I2SCFGR |= SPI_I2SCFGR_I2SE;
    return start_watchdog() ? BOARD_OK : BOARD_ERROR_CLOCK;
}

/* A halfword's first bit is its most significant, so in memory its two bytes are the wrong way round. */
static void take_block(uint32_t *words)
{
    for (uint32_t i = 0; i < PDM_BLOCK_BYTES / 4u; i++) {
        words[i] = ((words[i] >> 8) & 0x00FF00FFu) | ((words[i] & 0x00FF00FFu) << 8);
    }
    pdm_queue_put((const uint8_t *)words);
}

void dma1_stream3_interrupt(void)
{
    const uint32_t both = DMA_LISR_HTIF3 | DMA_LISR_TCIF3;
    const uint32_t status = DMA1_LISR;
    DMA1_LIFCR = status & (both | DMA_LISR_TEIF3 | DMA_LISR_DMEIF3 | DMA_LISR_FEIF3);
    if (status & DMA_LISR_TEIF3) { /* the stream has stopped */
        pdm_queue_lost(1);
        /* What was not fetched meanwhile is an overrun, after which the I2S takes in nothing until this is read. */
        (void)SPI2_DR;
        (void)SPI2_SR;
        start_dma();
        return;
    }
    if ((status & both) == 0) {
        return;
    }
    uint32_t half = (status & DMA_LISR_TCIF3) ? 1 : 0;
    if ((status & both) == both) { /* too late: the older half is being overwritten */
        pdm_queue_lost(1);
        half = DMA1_S3NDTR > BLOCK_HALFWORDS ? 1 : 0;
    }
    take_block(pdm[half]);
}

void usart2_interrupt(void)
{
    const uint32_t status = USART2_SR;
    if (status & (USART_SR_RXNE | USART_SR_ORE)) {
        const uint8_t byte = (uint8_t)USART2_DR; /* clears both */
        if (!byte_ring_full(&pdm_board_received)) {
            byte_ring_put(&pdm_board_received, byte);
        }
    }
    if (status & USART_SR_TXE) {
        if (byte_ring_empty(&pdm_board_sending)) {
            USART2_CR1 &= ~USART_CR1_TXEIE;
        } else {
            USART2_DR = byte_ring_take(&pdm_board_sending);
        }
    }
}

void board_led(int on)
{
    GPIO_BSRR(GPIOD) = 1u << (LED_GREEN + (on ? 0u : 16u));
}

void board_watchdog_feed(void)
{
    IWDG_KR = IWDG_KR_RELOAD;
}

void pdm_board_start_sending(void)
{
    USART2_CR1 |= USART_CR1_TXEIE;
}

void pdm_board_send_all(void)
{
    while (!byte_ring_empty(&pdm_board_sending)) {
        if (USART2_SR & USART_SR_TXE) {
            USART2_DR = byte_ring_take(&pdm_board_sending);
        }
    }
    while (!(USART2_SR & USART_SR_TC)) {
    }
}

uint32_t board_ticks(void)
{
    return TIM2_CNT;
}

uint32_t board_ticks_per_second(void)
{
    return APB1_TIMER_HZ;
}
