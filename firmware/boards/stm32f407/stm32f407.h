/* The registers in use, named as in ST's RM0090; the core's as in Arm's Armv7-M manual. */
#ifndef KWS_STM32F407_H
#define KWS_STM32F407_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define PWR_CR REGISTER(0x40007000u)
#define PWR_CR_VOS (1u << 14)

#define FLASH_ACR REGISTER(0x40023C00u)
#define FLASH_ACR_LATENCY_5WS 5u
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)

#define RCC_CR REGISTER(0x40023800u)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CR_PLLI2SON (1u << 26)
#define RCC_CR_PLLI2SRDY (1u << 27)
#define RCC_PLLCFGR REGISTER(0x40023804u)
#define RCC_PLLCFGR_PLLM(divider) ((uint32_t)(divider))
#define RCC_PLLCFGR_PLLN(factor) ((uint32_t)(factor) << 6)
#define RCC_PLLCFGR_PLLP(divider) (((uint32_t)(divider) / 2u - 1u) << 16)
#define RCC_PLLCFGR_PLLSRC_HSE (1u << 22)
#define RCC_PLLCFGR_PLLQ(divider) ((uint32_t)(divider) << 24)
#define RCC_CFGR REGISTER(0x40023808u)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_AHB1ENR_GPIOAEN (1u << 0)
#define RCC_AHB1ENR_GPIOBEN (1u << 1)
#define RCC_AHB1ENR_GPIOCEN (1u << 2)
#define RCC_AHB1ENR_GPIODEN (1u << 3)
#define RCC_AHB1ENR_DMA1EN (1u << 21)
#define RCC_APB1ENR REGISTER(0x40023840u)
#define RCC_APB1ENR_TIM2EN (1u << 0)
#define RCC_APB1ENR_SPI2EN (1u << 14)
#define RCC_APB1ENR_USART2EN (1u << 17)
#define RCC_APB1ENR_PWREN (1u << 28)
#define RCC_PLLI2SCFGR REGISTER(0x40023884u)
#define RCC_PLLI2SCFGR_PLLI2SN(factor) ((uint32_t)(factor) << 6)
#define RCC_PLLI2SCFGR_PLLI2SR(divider) ((uint32_t)(divider) << 28)

#define GPIOA 0x40020000u
#define GPIOB 0x40020400u
#define GPIOC 0x40020800u
#define GPIOD 0x40020C00u
#define GPIO_MODER(port) REGISTER((port) + 0x00u)
#define GPIO_BSRR(port) REGISTER((port) + 0x18u)
#define GPIO_AFRL(port) REGISTER((port) + 0x20u)
#define GPIO_AFRH(port) REGISTER((port) + 0x24u)
#define GPIO_MODER_OUTPUT 1u
#define GPIO_MODER_ALTERNATE 2u

#define DMA1_LISR REGISTER(0x40026000u)
#define DMA1_LIFCR REGISTER(0x40026008u)
#define DMA_LISR_FEIF3 (1u << 22)
#define DMA_LISR_DMEIF3 (1u << 24)
#define DMA_LISR_TEIF3 (1u << 25)
#define DMA_LISR_HTIF3 (1u << 26)
#define DMA_LISR_TCIF3 (1u << 27)
#define DMA1_S3CR REGISTER(0x40026058u)
#define DMA_SxCR_EN (1u << 0)
#define DMA_SxCR_TEIE (1u << 2)
#define DMA_SxCR_HTIE (1u << 3)
#define DMA_SxCR_TCIE (1u << 4)
#define DMA_SxCR_CIRC (1u << 8)
#define DMA_SxCR_MINC (1u << 10)
#define DMA_SxCR_PSIZE_HALFWORD (1u << 11)
#define DMA_SxCR_MSIZE_HALFWORD (1u << 13)
#define DMA_SxCR_PL_HIGH (2u << 16)
#define DMA_SxCR_CHSEL(channel) ((uint32_t)(channel) << 25)
#define DMA1_S3NDTR REGISTER(0x4002605Cu)
#define DMA1_S3PAR REGISTER(0x40026060u)
#define DMA1_S3M0AR REGISTER(0x40026064u)

#define SPI2_CR2 REGISTER(0x40003804u)
#define SPI_CR2_RXDMAEN (1u << 0)
#define SPI2_SR REGISTER(0x40003808u)
#define SPI2_DR REGISTER(0x4000380Cu)
#define SPI2_I2SCFGR REGISTER(0x4000381Cu)
#define SPI_I2SCFGR_CKPOL (1u << 3)
#define SPI_I2SCFGR_I2SSTD_LSB (2u << 4)
#define SPI_I2SCFGR_I2SCFG_MASTER_RECEIVE (3u << 8)
#define SPI_I2SCFGR_I2SE (1u << 10)
#define SPI_I2SCFGR_I2SMOD (1u << 11)
#define SPI2_I2SPR REGISTER(0x40003820u)
#define SPI_I2SPR_I2SDIV(divider) ((uint32_t)(divider))

#define USART2_SR REGISTER(0x40004400u)
#define USART_SR_ORE (1u << 3)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART2_DR REGISTER(0x40004404u)
#define USART2_BRR REGISTER(0x40004408u)
#define USART2_CR1 REGISTER(0x4000440Cu)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_TXEIE (1u << 7)
#define USART_CR1_UE (1u << 13)

#define TIM2_CR1 REGISTER(0x40000000u)
#define TIM_CR1_CEN (1u << 0)
#define TIM2_CNT REGISTER(0x40000024u)

#define IWDG_KR REGISTER(0x40003000u)
#define IWDG_KR_RELOAD 0xAAAAu
#define IWDG_KR_UNLOCK 0x5555u
#define IWDG_KR_START 0xCCCCu
#define IWDG_PR REGISTER(0x40003004u)
#define IWDG_PR_DIV32 3u
#define IWDG_RLR REGISTER(0x40003008u)
#define IWDG_SR REGISTER(0x4000300Cu)

#define NVIC_IPR(interrupt) (*(volatile uint8_t *)(0xE000E400u + (interrupt)))

#endif
