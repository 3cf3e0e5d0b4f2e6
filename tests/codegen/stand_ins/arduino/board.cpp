/*
 * A board whose microphone hears standard input and whose serial port is standard output. Like the
 * nRF52840's PDM driver it calls back when a buffer is full and stops for good if that call leaves
 * the buffer unread. BUSY_BLOCKS buffers come between two calls of loop(). Standard error tells how
 * often the LED was lit.
 */
#include <PDM.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char buffer[4096];
static int buffer_size = 512;
static int unread = 0;
static int running = 0;
static void (*callback)(void) = NULL;
static unsigned long now = 0;
static unsigned lit = 0;
static int led_output = 0;
static int gain = 20; /* the core's own */

PDMClass PDM;
UsbSerial Serial;
static unsigned long baud_rate = 0;

int PDMClass::begin(int channels, int sampleRate)
{
    running = channels == 1 && sampleRate == 16000;
    return running;
}

void PDMClass::end() { running = 0; }
int PDMClass::available() { return unread; }

int PDMClass::read(void *to, size_t size)
{
    const int count = (int)size < unread ? (int)size : unread;
    memcpy(to, buffer, (size_t)count);
    memmove(buffer, buffer + count, (size_t)(unread - count));
    unread -= count;
    return count;
}

void PDMClass::onReceive(void (*function)(void)) { callback = function; }
void PDMClass::setGain(int value) { gain = value; }
void PDMClass::setBufferSize(int size) { buffer_size = size; }

void UsbSerial::begin(unsigned long baud) { baud_rate = baud; }
size_t UsbSerial::print(const char *text) { return baud_rate > 0 ? fwrite(text, 1, strlen(text), stdout) : 0; }
UsbSerial::operator bool() { return true; }

void pinMode(pin_size_t pin, PinMode mode) { led_output = pin == LED_BUILTIN && mode == OUTPUT; }

void digitalWrite(pin_size_t pin, PinStatus value)
{
    static PinStatus before = LOW;
    if (pin == LED_BUILTIN && led_output) {
        lit += before == LOW && value == HIGH;
        before = value;
    }
}

static void finish(void)
{
    fflush(stdout);
    fprintf(stderr, "lit %u times, gain %d\n", lit, gain);
    exit(0);
}

void delay(unsigned long milliseconds)
{
    now += milliseconds;
    if (milliseconds >= 1000) {
        finish(); /* a sketch that has nothing more to do */
    }
}

unsigned long millis(void) { return now; }

int main(void)
{
    const char *busy = getenv("BUSY_BLOCKS");
    const int blocks = busy ? atoi(busy) : 1;
    setup();
    for (;;) {
        for (int i = 0; running && i < blocks; i++) {
            const size_t got = fread(buffer, 1, (size_t)buffer_size, stdin);
            if (got == 0) {
                loop();
                finish();
            }
            unread = (int)got;
            now += (unsigned long)buffer_size / 32;
            if (callback) {
                callback();
            }
            running = unread == 0;
        }
        loop();
    }
}
