#include "storage/evidence_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "storage/file.h"

static const char FOLDER[] = "evidence";
static const char ENDING[] = ".evidence";

/* 20 digits of the height, 16 of the hash. */
static bool is_name(const char *name)
{
    size_t size = strlen(name);

    return size == 20 + 1 + 16 + sizeof(ENDING) - 1 && name[20] == '-' &&
           strcmp(name + 37, ENDING) == 0;
}

static int only_names(const struct dirent *d)
{
    return is_name(d->d_name);
}

enum anju_err evidence_keep(const char *dir, uint64_t height, struct bytes proof)
{
    char *folder = file_path(dir, FOLDER), *path = NULL, name[64], hex[65];
    struct dirent **found = NULL;
    struct crypto_hash hash;
    enum anju_err err = file_make_dir(folder);
    int n;

    crypto_sha256(&hash, proof);
    hex_encode(hex, hash.b, sizeof hash.b);
    (void)snprintf(name, sizeof name, "%020llu-%.16s%s", (unsigned long long)height, hex, ENDING);
    path = file_path(folder, name);
    if (err != ANJU_OK || access(path, F_OK) == 0)
        goto out;
    n = scandir(folder, &found, only_names, NULL);
    if (n < 0)
        err = file_fail("read", folder);
    else if (n >= EVIDENCE_FILES_MAX)
        err = anju_fail(ANJU_ERR_TOO_LARGE, "%s holds %d proofs already: no more are kept", folder,
                        n);
    for (int i = 0; i < n; i++)
        free(found[i]);
    free(found);
    if (err == ANJU_OK)
        err = file_replace(folder, name, proof);
out:
    free(path);
    free(folder);
    return err;
}

static bool read_one(const char *folder, const char *name,
                     bool (*found)(void *ctx, struct bytes proof), void *ctx)
{
    char *path = file_path(folder, name);
    uint8_t data[EVIDENCE_FILE_SIZE_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t got = 0;
    bool more = true;

    if (fd >= 0 && file_read_at(fd, path, data, sizeof data, 0, &got) == ANJU_OK)
        more = found(ctx, bytes_of(data, got));
    if (fd >= 0)
        close(fd);
    free(path);
    return more;
}

enum anju_err evidence_each(const char *dir, bool (*found)(void *ctx, struct bytes proof),
                            void *ctx)
{
    char *folder = file_path(dir, FOLDER);
    struct dirent **names = NULL;
    enum anju_err err = ANJU_OK;
    bool more = true;
    int n = scandir(folder, &names, only_names, alphasort);

    if (n < 0 && errno != ENOENT)
        err = file_fail("read", folder);
    for (int i = 0; i < n; i++) {
        more = more && read_one(folder, names[i]->d_name, found, ctx);
        free(names[i]);
    }
    free(names);
    free(folder);
    return err;
}
