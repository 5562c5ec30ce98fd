// A peer's map is defined before work/map.h is included.
