// The public fast paths as symbols: for debuggers, foreign-function
// interfaces, and programs that are compiled without inlining.

#include <tally/tally.h>

extern inline bool tally_count_up_(uint32_t *count);
extern inline bool tally_count_down_(uint32_t *count);
extern inline void tally_count_one_(uint64_t *counter);
extern inline bool tally_owns_(const tally_object *object);
extern inline void tally_object_incref_(tally_object *object);
extern inline void tally_object_decref_(tally_object *object);
extern inline void tally_touch_(tally_object *container);
extern inline tally_object *tally_ref_load_(const tally_ref *field);
extern inline void tally_ref_store_(tally_ref *field, tally_object *object);
extern inline void tally_incref(void *object);
extern inline void tally_decref(void *object);
extern inline void tally_safepoint(void);
extern inline void *tally_ref_get(const tally_ref *field);
extern inline void *tally_ref_dup(const tally_ref *field);
extern inline void tally_ref_put_(const void *container, tally_ref *field,
                                  tally_object *old, tally_object *value);
extern inline void *tally_ref_exchange(void *container, tally_ref *field,
                                       void *value);
extern inline void *tally_ref_take(void *container, tally_ref *field);
extern inline void tally_ref_set_steal(void *container, tally_ref *field,
                                       void *value);
extern inline void tally_ref_set(void *container, tally_ref *field,
                                 void *value);
extern inline void tally_ref_move(void *to_container, tally_ref *to,
                                  void *from_container, tally_ref *from);
extern inline void tally_ref_swap(void *a_container, tally_ref *a,
                                  void *b_container, tally_ref *b);
extern inline void *tally_aref_get(const tally_aref *field);
extern inline tally_value tally_value_(uint64_t bits);
extern inline tally_value tally_absent(void);
extern inline tally_value tally_nil(void);
extern inline tally_value tally_bool(bool truth);
extern inline tally_value tally_small(int64_t n);
extern inline tally_value tally_of(void *object);
extern inline bool tally_is(tally_value a, tally_value b);
extern inline bool tally_is_absent(tally_value value);
extern inline bool tally_is_nil(tally_value value);
extern inline bool tally_is_bool(tally_value value);
extern inline bool tally_is_small(tally_value value);
extern inline bool tally_is_object(tally_value value);
extern inline int64_t tally_small_of(tally_value value);
extern inline void *tally_object_of(tally_value value);
extern inline tally_value tally_value_incref(tally_value value);
extern inline void tally_value_decref(tally_value value);
extern inline tally_value tally_cell_get(const tally_cell *cell);
