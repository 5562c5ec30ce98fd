// sync/mutex.h

#include "sync/mutex.h"

typedef struct tly_mutex unit_lock;
#define UNIT_LOCK_INIT TLY_MUTEX_INIT
#define UNIT_LOCK_NAME "sync/mutex"
#define unit_lock_take tly_mutex_lock
#define unit_lock_give tly_mutex_unlock
#define unit_lock_reset tly_mutex_reset

#include "unit_lock.h"
