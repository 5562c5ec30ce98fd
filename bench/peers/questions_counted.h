// The questions that a malloc with a count by hand can answer.

#ifndef PEER_QUESTIONS_COUNTED_H
#define PEER_QUESTIONS_COUNTED_H

#include "peer.h"
#include "work/alloc_pair.h"
#include "work/chain.h"
#include "work/churn.h"
#include "work/contended.h"
#include "work/count_pair.h"
#include "work/memory.h"
#include "work/mutator.h"
#include "work/pass.h"
#include "work/remote_free.h"
#include "work/survivor.h"
#include "work/trees.h"
#include "work/weak.h"

static void work_chain(void) { chain_case("owner=own", false); }

// clang-format off
#define QUESTIONS_COUNTED                                                      \
    {"alloc_pair", work_alloc_pair}, {"chain", work_chain},                    \
    {"churn", work_churn}, {"contended", work_contended},                      \
    {"count_pair", work_count_pair}, {"hot", work_hot},                        \
    {"memory", work_memory}, {"mutator", work_mutator}, {"pass", work_pass},   \
    {"remote_free", work_remote_free}, {"survivor", work_survivor},            \
    {"trees", work_trees}, {"weak", work_weak}
// clang-format on

#endif
