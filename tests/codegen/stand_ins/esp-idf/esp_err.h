/* Stand-in for ESP-IDF's error codes. */
#ifndef ESP_ERR_H
#define ESP_ERR_H

#include <stdio.h>
#include <stdlib.h>

typedef int esp_err_t;
#define ESP_OK 0
#define ESP_ERR_INVALID_ARG 0x102
#define ESP_ERR_INVALID_STATE 0x103
#define ESP_ERR_TIMEOUT 0x107

#define ESP_ERROR_CHECK(x)                                                      \
    do {                                                                        \
        const esp_err_t error_ = (x);                                           \
        if (error_ != ESP_OK) {                                                 \
            fprintf(stderr, "ESP_ERROR_CHECK failed: 0x%x at %s\n", error_, #x); \
            exit(3);                                                            \
        }                                                                       \
    } while (0)

#endif
