// What is linked to every fuzzer: a switch in the environment.
//
//   TALLY_DEFECT  the name of a defect, to be switched on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/point.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static const struct {
    const char *name;
    enum tly_defect defect;
} defects[] = {
    {"utf8-surrogate", TLY_DEFECT_UTF8_SURROGATE},
    {"utf8-cut", TLY_DEFECT_UTF8_CUT},
    {"format-align", TLY_DEFECT_FORMAT_ALIGN},
    {"format-sign", TLY_DEFECT_FORMAT_SIGN},
    {"cast-rest", TLY_DEFECT_CAST_REST},
    {"cast-strides", TLY_DEFECT_CAST_STRIDES},
    {"slice-backwards", TLY_DEFECT_SLICE_BACKWARDS},
    {"slice-count", TLY_DEFECT_SLICE_COUNT},
};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *wanted = getenv("TALLY_DEFECT");
    (void)argc, (void)argv;
    if (!wanted)
        return 0;
    for (size_t n = 0; n < sizeof(defects) / sizeof(defects[0]); n++)
        if (strcmp(defects[n].name, wanted) == 0) {
            tly_defect_on = defects[n].defect;
            return 0;
        }
    fprintf(stderr, "TALLY_DEFECT: no defect is called %s\n", wanted);
    exit(99);
}
