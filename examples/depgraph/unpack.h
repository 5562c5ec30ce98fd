// Files as streams of bytes, unpacked on the way by another program.

#ifndef DEPGRAPH_UNPACK_H
#define DEPGRAPH_UNPACK_H

#include "common.h"

#include <sys/types.h>

// An open file, or the pipe from a program that unpacks it.
struct stream {
    int fd;
    pid_t child;         // 0: a plain file
    const char *program; // that unpacks, for messages
};

// Opens a file. A name that ends in .lz4, .gz, .xz, .zst or .bz2 is unpacked
// by apt's own helper, or by the program of that format.
//
// Returns: 0, or an errno; ENOPKG when no program can unpack it.
int stream_open(struct stream *ret_stream, const char *path);

// Closes a stream that was read to its end, or not.
//
// Returns: the exit status of the program that unpacked; 0 for a plain file;
//          128 + the signal that ended it.
int stream_close(struct stream *stream);

// Whether a file of this name would be unpacked.
bool is_packed(const char *path);

#endif
