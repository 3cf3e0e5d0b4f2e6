#ifndef KWS_SERIAL_H
#define KWS_SERIAL_H

void serial_start(void);

/* Return when the last bit has left. Works with interrupts disabled too. */
void serial_finish(void);

#endif
