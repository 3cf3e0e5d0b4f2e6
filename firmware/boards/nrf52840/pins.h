/* What is wired where. BOARD_VARIANT of the Makefile chooses; docs/boards/nrf52840.md says more. */
#ifndef KWS_PINS_H
#define KWS_PINS_H

#include "nrf52840.h"

#define NANO33BLE 1
#define DK 2

#if BOARD_VARIANT == NANO33BLE /* Arduino Nano 33 BLE Sense, both revisions */
#define PIN_UART_TX PIN(1, 3)
#define PIN_UART_RX PIN(1, 10)
#define PIN_PDM_CLK PIN(0, 26)
#define PIN_PDM_DIN PIN(0, 25)
#define PIN_PDM_POWER PIN(0, 17)
#define PIN_LED PIN(0, 13) /* the yellow LED_BUILTIN */
#define LED_IS_ON_WHEN_HIGH 1
#elif BOARD_VARIANT == DK /* nRF52840 DK, PCA10056, with a PDM microphone on its headers */
#define PIN_UART_TX PIN(0, 6) /* these two go to the on-board debugger's USB serial port */
#define PIN_UART_RX PIN(0, 8)
#define PIN_PDM_CLK PIN(0, 30)
#define PIN_PDM_DIN PIN(0, 31)
#define PIN_LED PIN(0, 13) /* LED1 */
#define LED_IS_ON_WHEN_HIGH 0
#else
#error "BOARD_VARIANT must be nano33ble or dk"
#endif

#endif
