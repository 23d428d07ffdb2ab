/* Loaded before the C library, it makes the clock of a program jump every second, back and forth. Time that only
 * passes is left alone. */

#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Seconds: nothing, an hour, a day back, a year, a moment back, ten years back. */
static const long jumps[] = {0, 3600, -86400, 31536000, -2, -315360000};

int clock_gettime(clockid_t clock, struct timespec *now) {
    long failed = syscall(SYS_clock_gettime, clock, now);
    struct timespec passed;
    if (failed == 0 && clock == CLOCK_REALTIME && syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &passed) == 0) {
        now->tv_sec += jumps[passed.tv_sec % (sizeof jumps / sizeof jumps[0])];
    }
    return (int)failed;
}
