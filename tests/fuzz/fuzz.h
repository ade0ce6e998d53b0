/*
 * fuzz: what the fuzz targets share. A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput and
 * fuzz_seed. `make fuzz TARGET=NAME TIME=s` runs it under libFuzzer with ASan and UBSan (clang); as a plain
 * program it replays its seed and some thousand mutations of it (driver.c), which is part of `make test`.
 * A target decodes bytes from outside; what decodes must encode to the same bytes (fuzz_same).
 */
#ifndef ANJU_TESTS_FUZZ_H
#define ANJU_TESTS_FUZZ_H

#include "base/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Appends good input number `n` to `out`; false where there are no more. */
bool fuzz_seed(struct writer *out, unsigned n);

/* Stops with words where a decoder took bytes that do not come out the same. Frees `again`. */
void fuzz_same(struct bytes in, struct writer *again, const char *what);

/* A development ledger with the shipped procedures, made once. */
struct fixture;
struct fixture *fuzz_fixture(void);

#endif
