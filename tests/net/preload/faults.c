/*
 * faults: what a test puts under anjud with LD_PRELOAD. Not part of anju.
 *
 * ANJU_FAULTS_DIR, ANJU_FAULTS_LOG: each write to a regular file below DIR is noted in
 * LOG/<pid>, with what it replaced, before it is made; each sync after it is done. When all processes
 * were killed, tests/net/faults.py takes back what was not synced: a power cut, which SIGKILL alone
 * is not. Names, sizes by truncation and allocation count as durable at once.
 * ANJU_FAULTS_CLOCK_MS: CLOCK_REALTIME is off by so much.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WROTE = 1, SYNCED = 2 };

/* Little-endian, as it lies in memory; then old and new bytes. */
struct note {
    uint64_t inode, offset, old_file_size;
    uint32_t kind, old_size, new_size, zero;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static pid_t log_pid;
static uint64_t notes; /* in this process's log */
static const char *dir;
static int64_t clock_ms;

__attribute__((constructor)) static void begin(void)
{
    const char *clock = getenv("ANJU_FAULTS_CLOCK_MS");

    dir = getenv("ANJU_FAULTS_DIR");
    clock_ms = clock != NULL ? strtoll(clock, NULL, 10) : 0;
}

/* In the process that writes: a fork keeps a log of its own. */
static void open_log(void)
{
    char path[PATH_MAX];

    if (log_fd >= 0 && log_pid == getpid())
        return;
    snprintf(path, sizeof(path), "%s/%d", getenv("ANJU_FAULTS_LOG"), (int)getpid());
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_pid = getpid();
    notes = 0;
}

static bool is_ours(int fd, struct stat *st)
{
    char link[64], path[PATH_MAX];
    ssize_t n;

    if (dir == NULL || fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return strncmp(path, dir, strlen(dir)) == 0;
}

static long raw_write(int fd, const void *data, size_t size)
{
    return syscall(SYS_write, fd, data, size);
}

static void note_write(int fd, const struct stat *st, const void *data, size_t size, uint64_t offset)
{
    uint8_t *old = malloc(size + 1);
    int other = -1;
    char link[64];
    ssize_t got;

    /* A descriptor that cannot be read (opened for writing alone) is opened again. */
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        other = open(link, O_RDONLY | O_CLOEXEC);
    }
    got = pread(other >= 0 ? other : fd, old, size, (off_t)offset);
    struct note n = {.inode = st->st_ino, .offset = offset, .old_file_size = (uint64_t)st->st_size, .kind = WROTE,
                     .old_size = got > 0 ? (uint32_t)got : 0, .new_size = (uint32_t)size};
    open_log();
    notes++;
    (void)raw_write(log_fd, &n, sizeof(n));
    (void)raw_write(log_fd, old, n.old_size);
    (void)raw_write(log_fd, data, size);
    if (other >= 0)
        close(other);
    free(old);
}

/* What was noted before the sync began is durable; what another thread wrote meanwhile need not be. */
static void note_synced(const struct stat *st, uint64_t before)
{
    struct note n = {.inode = st->st_ino, .kind = SYNCED, .offset = before};

    open_log();
    notes++;
    (void)raw_write(log_fd, &n, sizeof(n));
}

/* A descriptor with O_DSYNC has its write durable when it returns; LMDB writes its meta page so. That
 * says nothing of what was written before: it is noted as no write at all. */
static ssize_t do_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    struct stat st;
    ssize_t n;

    if (!is_ours(fd, &st) || (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
        return syscall(SYS_pwrite64, fd, data, size, offset);
    pthread_mutex_lock(&lock);
    note_write(fd, &st, data, size, (uint64_t)offset);
    n = syscall(SYS_pwrite64, fd, data, size, offset);
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return do_pwrite(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    return do_pwrite(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
    struct stat st;
    ssize_t n;

    if (!is_ours(fd, &st))
        return raw_write(fd, data, size);
    pthread_mutex_lock(&lock);
    note_write(fd, &st, data, size,
               (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? (uint64_t)st.st_size : (uint64_t)lseek(fd, 0, SEEK_CUR));
    n = raw_write(fd, data, size);
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return n;
}

static ssize_t do_pwritev(int fd, const struct iovec *v, int count, off_t offset)
{
    ssize_t sum = 0;

    for (int i = 0; i < count; i++) {
        ssize_t n = do_pwrite(fd, v[i].iov_base, v[i].iov_len, offset + sum);
        if (n < 0)
            return sum > 0 ? sum : n;
        sum += n;
        if ((size_t)n < v[i].iov_len)
            break;
    }
    return sum;
}

ssize_t pwritev(int fd, const struct iovec *v, int count, off_t offset)
{
    return do_pwritev(fd, v, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *v, int count, off_t offset)
{
    return do_pwritev(fd, v, count, offset);
}

static int sync_by(long call, int fd)
{
    struct stat st;
    pthread_mutex_lock(&lock);
    uint64_t before = notes;
    pthread_mutex_unlock(&lock);
    long rc = syscall(call, fd);

    if (rc == 0 && is_ours(fd, &st)) {
        pthread_mutex_lock(&lock);
        note_synced(&st, before);
        pthread_mutex_unlock(&lock);
    }
    return (int)rc;
}

int fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

/* ---- The clock ---- */

int clock_gettime(clockid_t id, struct timespec *out)
{
    int rc = (int)syscall(SYS_clock_gettime, id, out);

    if (rc == 0 && clock_ms != 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t ns = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec + clock_ms * 1000000;
        out->tv_sec = ns / 1000000000;
        out->tv_nsec = ns % 1000000000;
    }
    return rc;
}
