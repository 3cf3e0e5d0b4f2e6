/* Listens to the microphone and writes each word it hears to the serial port, as a line of JSON. */
#include <Arduino.h>
@% include "common/arduino_spotter.cpp" %@
