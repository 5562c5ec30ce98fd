// getopt_long finds the options; what it is silent about is said here, one
// sentence each.

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <unistd.h>

static const char help[] =
    "Use: depgraph [options] [file]...\n"
    "\n"
    "Reads Debian package lists with many threads into one graph of counted\n"
    "references, works on it for a while, drops it, and reports what the heap\n"
    "did. Without files it reads this machine's own: dpkg's status and apt's\n"
    "package lists. Compressed files (.lz4 .gz .xz .zst .bz2) are unpacked.\n"
    "\n"
    "  -j, --threads N    threads, 1 .. 1024 (default: the CPUs, at least 2)\n"
    "  -t, --seconds S    how long to work on the graph; 0 only loads it (5)\n"
    "      --seed N       chooses what the threads do (1)\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 all is well; 1 bad input, no memory, or an object that "
    "was\n"
    "not destroyed; 2 a bad command line.\n";

static _Noreturn void refuse(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static _Noreturn void refuse(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("depgraph: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("; see depgraph --help\n", stderr);
    va_end(arguments);
    exit(2);
}

static uint64_t read_number(const char *name, const char *text, uint64_t least,
                            uint64_t most) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool number = *text >= '0' && *text <= '9' && !*end && !errno;
    if (!number || value < least || value > most)
        refuse("%s needs a number from %llu to %llu, not '%s'", name,
               (unsigned long long)least, (unsigned long long)most, text);
    return value;
}

static double read_seconds(const char *text) {
    char *end;
    double value = strtod(text, &end);
    bool number = (*text >= '0' && *text <= '9') || *text == '.';
    if (!number || *end || end == text || !(value >= 0 && value <= 1e6))
        refuse("--seconds needs a number from 0 to 1000000, not '%s'", text);
    return value;
}

static unsigned default_threads(void) {
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 2 ? 2 : cpus > THREADS_MAX ? THREADS_MAX : (unsigned)cpus;
}

struct options options_read(int argc, char **argv) {
    static const struct option names[] = {
        {"threads", required_argument, NULL, 'j'},
        {"seconds", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    struct options options = {default_threads(), 5, 1, NULL, 0};

    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":j:t:h", names, NULL)) != -1;) {
        if (c == 'j')
            options.threads =
                (unsigned)read_number("--threads", optarg, 1, THREADS_MAX);
        else if (c == 't')
            options.seconds = read_seconds(optarg);
        else if (c == 's')
            options.seed = read_number("--seed", optarg, 0, UINT64_MAX);
        else if (c == 'h')
            exit(fputs(help, stdout) == EOF || fflush(stdout) == EOF);
        else if (c == ':')
            refuse("%s needs a value", argv[optind - 1]);
        else if (optopt)
            refuse("there is no option -%c", optopt);
        else
            refuse("there is no option %s", argv[optind - 1]);
    }
    options.paths = argv + optind;
    options.n_paths = (size_t)(argc - optind);
    return options;
}
