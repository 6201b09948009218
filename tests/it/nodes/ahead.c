/* A machine whose clock is five minutes ahead, as long as there is the file that CLOCK_IS_AHEAD names. Preloaded by
   `clocks.rs`. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int failed = syscall(SYS_clock_gettime, clock, time);
    const char *file = getenv("CLOCK_IS_AHEAD");
    if (!failed && clock == CLOCK_REALTIME && file && access(file, F_OK) == 0) {
        time->tv_sec += 300;
    }
    return failed;
}
