/*
 * The nRF52840's registers GAINL and GAINR, in steps of 0.5 dB: 0x00 is -20 dB, 0x28 is 0 dB, 0x50 is +20 dB.
 * As in the firmware of kws: on-board microphones give some -26 dBFS at 94 dB SPL, and the driver's own gain
 * would leave a voice at a metre too quiet.
 */
#define NRF52840_GAIN @{ nrf52840_gain }@
