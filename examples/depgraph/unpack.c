// No shell is involved: the path is one argument, whatever is in it.

#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define APT_HELPER "/usr/lib/apt/apt-helper"

extern char **environ;

struct format {
    const char *suffix;
    const char *program; // where there is no apt-helper; takes -dc
};
static const struct format formats[] = {{".lz4", "lz4"},
                                        {".gz", "gzip"},
                                        {".xz", "xz"},
                                        {".zst", "zstd"},
                                        {".bz2", "bzip2"}};

static const struct format *format_of(const char *path) {
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t tail = strlen(formats[i].suffix);
        if (length > tail && !strcmp(path + length - tail, formats[i].suffix))
            return &formats[i];
    }
    return NULL;
}

bool is_packed(const char *path) { return format_of(path) != NULL; }

// Starts the program with its output in [out] and no other files.
static int start(struct stream *stream, const struct format *format,
                 const char *path, int out) {
    bool apt = access(APT_HELPER, X_OK) == 0;
    const char *program = apt ? APT_HELPER : format->program;
    const char *word = apt ? "cat-file" : "-dc";
    char *arguments[] = {(char *)program, (char *)word, (char *)path, NULL};

    posix_spawn_file_actions_t files;
    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return error;
    error =
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&files, out, 1);
    if (!error)
        error = posix_spawn_file_actions_addopen(&files, 2, "/dev/null",
                                                 O_WRONLY, 0);
    if (!error)
        error = posix_spawnp(&stream->child, program, &files, NULL, arguments,
                             environ);
    posix_spawn_file_actions_destroy(&files);
    stream->program = apt ? "apt-helper" : format->program;
    return error == ENOENT ? ENOPKG : error;
}

int stream_open(struct stream *ret_stream, const char *path) {
    const struct format *format = format_of(path);
    // Without blocking: a FIFO that nobody writes to must not hold us up.
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    struct stream stream = {open(path, flags), 0, NULL};
    if (stream.fd < 0)
        return errno;
    if (format) {
        // That we can open it was all we wanted: the program opens it again.
        close(stream.fd);
        int ends[2];
        if (pipe2(ends, O_CLOEXEC))
            return errno;
        int error = start(&stream, format, path, ends[1]);
        close(ends[1]);
        if (error) {
            close(ends[0]);
            return error;
        }
        stream.fd = ends[0];
    }
    *ret_stream = stream;
    return 0;
}

int stream_close(struct stream *stream) {
    close(stream->fd);
    if (!stream->child)
        return 0;
    int status;
    while (waitpid(stream->child, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
