/* Does this board compute what the computer computed that wrote this library? Says so on the serial port. */
@% include "common/arduino_selftest.cpp" %@
