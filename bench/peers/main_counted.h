// The main function of a malloc with a count by hand.

#ifndef PEER_MAIN_COUNTED_H
#define PEER_MAIN_COUNTED_H

#include "questions_counted.h"

int main(int argc, char **argv) {
    static const struct peer_question questions[] = {QUESTIONS_COUNTED,
                                                     {NULL, NULL}};
    return peer_main(argc, argv, questions);
}

#endif
