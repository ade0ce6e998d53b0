/*
 * tempdir: a directory of a test's own that goes with it, and files in it to look at and to damage.
 */
#ifndef ANJU_TESTS_TEMPDIR_C
#define ANJU_TESTS_TEMPDIR_C

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

static char tempdir[] = "/tmp/anju-test-XXXXXX";

static int tempdir_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void tempdir_end(void)
{
    ck_assert_int_eq(nftw(tempdir, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void tempdir_begin(void)
{
    memcpy(tempdir + strlen(tempdir) - 6, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(tempdir));
}

static inline char *tempdir_path(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *p = path[turn++ % 4];

    (void)snprintf(p, 256, "%s/%s", tempdir, name);
    return p;
}

/* The whole file, malloc'd. */
static inline uint8_t *tempdir_read(const char *name, size_t *size)
{
    int fd = open(tempdir_path(name), O_RDONLY);
    struct stat st;
    uint8_t *data;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    *size = (size_t)st.st_size;
    data = anju_alloc(*size + 1);
    ck_assert_int_eq(read(fd, data, *size), st.st_size);
    close(fd);
    return data;
}

static inline void tempdir_flip(const char *name, size_t offset)
{
    int fd = open(tempdir_path(name), O_RDWR);
    uint8_t byte;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

#endif
