/*
 * faults: calls to the operating system that a test lets fail or die at the n-th. Included by a
 * test's .c file: its definitions take the place of the C library's, for LMDB too.
 */
#ifndef ANJU_TESTS_FAULTS_C
#define ANJU_TESTS_FAULTS_C

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum fault {
    FAULT_NONE,
    FAULT_KILL,      /* die instead of the call */
    FAULT_KILL_TORN, /* write the first half, in whole sectors, then die */
    FAULT_NO_SPACE,  /* writes fail with ENOSPC from then on */
    FAULT_NO_GROWTH, /* files do not grow: what would is cut short, as on a full disk */
    FAULT_SYNC,      /* syncs fail with EIO from then on */
};

enum { FAULT_EXIT_STATUS = 77 };

static _Atomic enum fault fault_kind;
static atomic_long fault_countdown; /* calls until it strikes */

static inline void fault_arm(enum fault kind, long countdown)
{
    atomic_store(&fault_countdown, countdown);
    atomic_store(&fault_kind, kind);
}

static inline void fault_disarm(void)
{
    atomic_store(&fault_kind, FAULT_NONE);
}

/* One call passes; true where the fault strikes (or struck before). */
static bool fault_strikes(void)
{
    return atomic_load(&fault_kind) != FAULT_NONE && atomic_fetch_sub(&fault_countdown, 1) <= 1;
}

static off_t fault_file_size(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : 0;
}

static ssize_t real_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (fault_strikes()) {
        switch (atomic_load(&fault_kind)) {
        case FAULT_KILL:
            _exit(FAULT_EXIT_STATUS);
        case FAULT_KILL_TORN:
            (void)!real_pwrite(fd, data, size / 1024 * 512, offset);
            _exit(FAULT_EXIT_STATUS);
        case FAULT_NO_SPACE:
            errno = ENOSPC;
            return -1;
        case FAULT_NO_GROWTH:
            if (fault_file_size(fd) >= offset + (off_t)size)
                break;
            if (size >= 1024)
                return real_pwrite(fd, data, size / 1024 * 512, offset);
            errno = ENOSPC;
            return -1;
        case FAULT_SYNC:
        case FAULT_NONE:
            break;
        }
    }
    return real_pwrite(fd, data, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t sum = 0;

    for (int i = 0; i < count; i++) {
        ssize_t n = pwrite(fd, parts[i].iov_base, parts[i].iov_len, offset + sum);
        if (n < 0)
            return sum > 0 ? sum : n;
        sum += n;
    }
    return sum;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (fault_strikes()) {
        enum fault kind = atomic_load(&fault_kind);
        if (kind == FAULT_KILL || kind == FAULT_KILL_TORN)
            _exit(FAULT_EXIT_STATUS);
        if (kind == FAULT_NO_SPACE ||
            (kind == FAULT_NO_GROWTH && lseek(fd, 0, SEEK_CUR) >= fault_file_size(fd))) {
            errno = ENOSPC;
            return -1;
        }
    }
    return syscall(SYS_writev, fd, parts, count);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    if (fault_strikes() &&
        (atomic_load(&fault_kind) == FAULT_NO_GROWTH || atomic_load(&fault_kind) == FAULT_NO_SPACE))
        return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}

static int sync_call(long number, int fd)
{
    if (fault_strikes()) {
        enum fault kind = atomic_load(&fault_kind);
        if (kind == FAULT_KILL || kind == FAULT_KILL_TORN)
            _exit(FAULT_EXIT_STATUS);
        if (kind == FAULT_SYNC) {
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(number, fd);
}

int fdatasync(int fd)
{
    return sync_call(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_call(SYS_fsync, fd);
}

/* Whether the work ends in abort(). In a process of its own, so that the test can tidy up. */
static inline bool fault_aborts(void (*work)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        work();
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGABRT;
}

#endif
