// How deep a thread is in containers that it compares or tells, also through
// hooks of the program's, which lead here again.

#ifndef TLY_CONTAINER_DEPTH_H
#define TLY_CONTAINER_DEPTH_H

#include <tally/status.h>

// One level more. TALLY_LIMIT: there are 200, or hooks have led here so often
// that 40 KiB of the thread's stack lie in between; nothing is to be left then.
tally_status tly_depth_enter(void);
void tly_depth_leave(void);

#endif
