/* Stand-in: a function that must lie in RAM. */
#ifndef ESP_ATTR_H
#define ESP_ATTR_H

#define IRAM_ATTR __attribute__((section(".text.iram")))

#endif
