// sync/spin.h

#include "sync/spin.h"

typedef struct tly_spin unit_lock;
#define UNIT_LOCK_INIT TLY_SPIN_INIT
#define UNIT_LOCK_NAME "sync/spin"
#define unit_lock_take tly_spin_lock
#define unit_lock_give tly_spin_unlock
#define unit_lock_hold tly_spin_hold
#define UNIT_LOCK_MORE

#include "unit_lock.h"
