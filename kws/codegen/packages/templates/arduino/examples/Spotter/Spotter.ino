/*
 * Listens to the microphone and writes each word it hears to the serial port, as a line of JSON:
 *
 *     {"t":3.42,"word":"yes","score":0.93}
 *
 * For a Nano 33 BLE Sense, or any board with the PDM library at 16 kHz. Not every board's PDM.setGain
 * has the same unit, so only the nRF52840's is set; a word spoken at a metre should be heard.
 */
@% include "common/arduino_spotter.cpp" %@
