// What was made to live on.

#ifndef TLY_OBSERVE_KEPT_H
#define TLY_OBSERVE_KEPT_H

// Writes a line to stderr for each type that has immortal objects, and one if
// pins are left. The thread is attached.
void tly_kept_report(void);

#endif
