// Where Debian keeps what this program reads.

#include "input.h"

#include <errno.h>
#include <glob.h>
#include <unistd.h>

static const char *const patterns[] = {
    "/var/lib/dpkg/status",
    "/var/lib/apt/lists/*_Packages",
    "/var/lib/apt/lists/*_Packages.*",
};

// Whether a path that matched is a list: not a leftover like Packages.diff_.
static bool is_list(const char *path) {
    return !strstr(path, "_Packages.") || is_packed(path);
}

int machine_paths(char ***ret_paths, size_t *ret_n) {
    glob_t found = {0};
    int flags = 0;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        int error = glob(patterns[i], flags, NULL, &found);
        if (error && error != GLOB_NOMATCH) {
            globfree(&found);
            return error == GLOB_NOSPACE ? ENOMEM : EIO;
        }
        flags = GLOB_APPEND;
    }
    char **paths = calloc(found.gl_pathc + 1, sizeof *paths);
    size_t n = 0;
    bool whole = paths != NULL;
    for (size_t i = 0; whole && i < found.gl_pathc; i++) {
        if (!is_list(found.gl_pathv[i]))
            continue;
        paths[n] = strdup(found.gl_pathv[i]);
        whole = paths[n] != NULL;
        n += whole;
    }
    globfree(&found);
    if (!whole) {
        free_paths(paths, n);
        return ENOMEM;
    }
    *ret_paths = paths;
    *ret_n = n;
    return 0;
}

void free_paths(char **paths, size_t n) {
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    free(paths);
}
