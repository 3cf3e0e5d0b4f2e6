#include <stdarg.h>
#include <stdio.h>
#include <kws_model.h>

#include "kws_selftest.h"

@% include "common/arduino_print.cpp" %@

@% include "common/selftesting.c" %@

void setup()
{
    Serial.begin(115200);
    while (!Serial) {
        delay(10); /* until the monitor is open */
    }
    selftest();
}

void loop()
{
    delay(1000);
}
