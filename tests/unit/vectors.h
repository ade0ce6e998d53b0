/*
 * vectors: test vectors as JSON files. They lie in ../shared/vectors (or the folder that
 * ANJU_VECTORS names) where that exists, and a committed handful of each set in tests/vectors, so
 * that no test passes because there was nothing to run. Paths are relative to the top of the
 * repository, from which tests are run. What is missing or malformed fails the test.
 */
#ifndef ANJU_TESTS_VECTORS_H
#define ANJU_TESTS_VECTORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A file such as "wycheproof/ed25519_test.json". The caller's: json_decref. */
json_t *vectors_load(const char *name);

/* Calls `each` with every *.json file below a folder, in the order of their names; at least one. */
typedef void vectors_fn(void *ctx, const char *path, json_t *file);
void vectors_each(const char *folder, vectors_fn *each, void *ctx);

/* Members of an object; a missing one or one of another type fails the test. */
const char *vectors_text(json_t *object, const char *key);
json_int_t vectors_int(json_t *object, const char *key);
uint64_t vectors_u64(json_t *object, const char *key); /* takes 2^64 - 1 too */
json_t *vectors_array(json_t *object, const char *key);

/* Hexadecimal of any length, also with '-' between the bytes. Heap; free. */
uint8_t *vectors_hex(const char *text, size_t *size);
/* Base64. Heap; free. */
uint8_t *vectors_base64(const char *text, size_t *size);

#endif
