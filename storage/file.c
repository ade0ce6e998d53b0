#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum anju_err file_fail(const char *what, const char *path)
{
    int e = errno;

    if (e == ENOSPC || e == EDQUOT)
        return anju_fail(ANJU_ERR_FULL, "no room on disk to %s %s: make room there", what, path);
    return anju_fail(ANJU_ERR_IO, "cannot %s %s: %s", what, path, strerror(e));
}

enum anju_err file_make_dir(const char *path)
{
    char *p = anju_strdup(path);
    enum anju_err err = ANJU_OK;

    for (char *slash = strchr(p + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(p, 0755) != 0 && errno != EEXIST) {
            err = file_fail("make the directory", p);
            goto out;
        }
        *slash = '/';
    }
    if (mkdir(p, 0700) != 0 && errno != EEXIST)
        err = file_fail("make the directory", p);
out:
    free(p);
    return err;
}

enum anju_err file_write_at(int fd, const char *path, struct bytes data, uint64_t offset)
{
    while (data.size > 0) {
        ssize_t n = pwrite(fd, data.data, data.size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_fail("write", path);
        data.data += n;
        data.size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return ANJU_OK;
}

enum anju_err file_read_at(int fd, const char *path, void *out, size_t size, uint64_t offset,
                           size_t *got)
{
    uint8_t *p = out;

    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, p + *got, size - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_fail("read", path);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return ANJU_OK;
}

void file_die(const char *what, const char *path)
{
    log_error("storage",
              "cannot %s %s: %s. What was written may be lost, so this node stops now; "
              "look at the disk before starting it again",
              what, path, strerror(errno));
    abort();
}

void file_sync(int fd, const char *path)
{
    if (fdatasync(fd) != 0)
        file_die("sync", path);
}

void file_sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        file_die("open the directory", dir);
    if (fsync(fd) != 0)
        file_die("sync the directory", dir);
    close(fd);
}

char *file_path(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *p = anju_alloc(size);

    (void)snprintf(p, size, "%s/%s", dir, name);
    return p;
}

enum anju_err file_replace(const char *dir, const char *name, struct bytes data)
{
    char *path = file_path(dir, name);
    size_t size = strlen(path) + 5;
    char *fresh = anju_alloc(size);
    enum anju_err err;
    int fd;

    (void)snprintf(fresh, size, "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = file_fail("make", fresh);
        goto out;
    }
    err = file_write_at(fd, fresh, data, 0);
    if (err == ANJU_OK)
        file_sync(fd, fresh);
    close(fd);
    if (err == ANJU_OK && rename(fresh, path) != 0)
        err = file_fail("rename", fresh);
    if (err == ANJU_OK)
        file_sync_dir(dir);
    else
        (void)unlink(fresh);
out:
    free(fresh);
    free(path);
    return err;
}

bool file_no_room(const char *dir)
{
    char *path = file_path(dir, "room.probe");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = fd >= 0 ? posix_fallocate(fd, 0, 1 << 20) : errno;

    if (fd >= 0)
        close(fd);
    (void)unlink(path);
    free(path);
    return rc == ENOSPC || rc == EDQUOT;
}
