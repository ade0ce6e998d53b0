/*
 * bench_limits: what this machine can do at best, in the same run as what is compared with it: one signature checked, one
 * made, one inner hash, one fdatasync of a preallocated file's 8 KiB in the current directory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"

enum { SIGNATURES = 4000, HASHES = 1000000, SYNCS = 300 };

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void signatures(double *sign, double *verify)
{
    struct crypto_secret secret;
    struct crypto_key key;
    struct crypto_hash digest = {{1}};
    struct crypto_sig sig;

    if (crypto_secret_new(&secret) != ANJU_OK || crypto_key_of(&key, &secret) != ANJU_OK)
        abort();
    double began = now_us();
    for (int i = 0; i < SIGNATURES; i++)
        if (crypto_sign(&sig, &secret, &digest) != ANJU_OK)
            abort();
    *sign = (now_us() - began) / SIGNATURES;
    began = now_us();
    for (int i = 0; i < SIGNATURES; i++)
        if (crypto_verify(&sig, &key, &digest) != ANJU_OK)
            abort();
    *verify = (now_us() - began) / SIGNATURES;
}

static double hashes(void)
{
    struct crypto_hash h = {{1}};
    double began = now_us();

    for (int i = 0; i < HASHES; i++)
        crypto_inner_hash(&h, &h, &h);
    return (now_us() - began) / HASHES;
}

static double syncs(void)
{
    char path[] = "bench-XXXXXX", block[8192];
    int fd = mkstemp(path);

    if (fd < 0)
        abort();
    unlink(path);
    memset(block, 1, sizeof(block));
    if (posix_fallocate(fd, 0, sizeof(block)) != 0)
        abort();
    double began = now_us();
    for (int i = 0; i < SYNCS; i++)
        if (pwrite(fd, block, sizeof(block), 0) != (ssize_t)sizeof(block) || fdatasync(fd) != 0)
            abort();
    double each = (now_us() - began) / SYNCS;
    close(fd);
    return each;
}

int main(void)
{
    double sign, verify;

    signatures(&sign, &verify);
    printf("{\"sign_us\":%.1f,\"verify_us\":%.1f,\"inner_hash_us\":%.3f,\"fdatasync_8k_us\":%.0f,\"verify_per_second_and_core\":%.0f}\n", sign, verify,
           hashes(), syncs(), 1e6 / verify);
    return 0;
}
