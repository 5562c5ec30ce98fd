// All files to read, given out in pieces of whole stanzas.
//
// Threads take pieces in turn: one reads while the others parse, and only a
// few hundred KiB for each thread are in memory, however long the files are.

#ifndef DEPGRAPH_INPUT_H
#define DEPGRAPH_INPUT_H

#include "failure.h"
#include "unpack.h"

#include <pthread.h>

// Some stanzas of one file. The text belongs to the thread that took it.
struct piece {
    char *text;
    size_t size;
    size_t capacity;
    const char *path;
    size_t file;   // number of the path
    uint64_t line; // where the text begins, from 1
};

struct input {
    pthread_mutex_t mutex; // guards all below
    struct failure *failure;
    char **paths;
    size_t n_paths;
    size_t next; // path to open next
    bool open;
    struct stream stream;
    struct piece rest; // what was read beyond the last stanza given out
    uint64_t bytes;    // given out
    size_t files;      // read to their end
};

// Sets up an input; the paths must stay.
void input_init(struct input *input, struct failure *failure, char **paths,
                size_t n_paths);

// Takes the next piece. Returns false at the end, and when the run has failed
// or was interrupted. May read, so call it in a blocking region.
bool input_next(struct input *input, struct piece *piece);

// Frees what the input holds; a file that is open is closed.
void input_fini(struct input *input);

// This machine's own package data, as paths to free with free_paths: dpkg's
// status file first, then apt's lists. Returns 0 or an errno.
int machine_paths(char ***ret_paths, size_t *ret_n);
void free_paths(char **paths, size_t n);

#endif
