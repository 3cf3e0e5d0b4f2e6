/* Stand-in for the Arduino core: what the sketches use, declared as the core declares it. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

typedef enum { LOW = 0, HIGH = 1, CHANGE = 2, FALLING = 3, RISING = 4 } PinStatus;
typedef enum { INPUT = 0, OUTPUT = 1, INPUT_PULLUP = 2 } PinMode;
typedef uint8_t pin_size_t;

#define LED_BUILTIN 13u

void pinMode(pin_size_t pin, PinMode mode);
void digitalWrite(pin_size_t pin, PinStatus value);
void delay(unsigned long milliseconds);
unsigned long millis(void);

class UsbSerial
{
public:
    void begin(unsigned long baud);
    size_t print(const char *text);
    operator bool();
};
extern UsbSerial Serial;

void setup(void);
void loop(void);

#endif
