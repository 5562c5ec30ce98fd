// The questions that a library of counted objects can answer.

#ifndef PEER_QUESTIONS_OBJECTS_H
#define PEER_QUESTIONS_OBJECTS_H

#include "peer.h"
#include "work/churn.h"
#include "work/count_pair.h"
#include "work/memory.h"
#include "work/mutator.h"
#include "work/pass.h"
#include "work/survivor.h"
#include "work/trees.h"

static const struct peer_question questions_objects[] = {
    {"churn", work_churn},   {"count_pair", work_count_pair},
    {"memory", work_memory}, {"mutator", work_mutator},
    {"pass", work_pass},     {"survivor", work_survivor},
    {"trees", work_trees},   {NULL, NULL}};

#endif
