/*
 * json: the JSON forms of simple values (docs/formats.md, "Rules"), and strict reading.
 * 64-bit integers are decimal strings, times RFC 3339 UTC with milliseconds, byte fields of fixed
 * length lower-case hexadecimal, of variable length padded standard base64; smaller integers are JSON
 * integers. A reader walks a document with struct json_in, which knows its own JSON pointer (RFC 6901), so
 * that every fault names its place; the first fault stays and later reads yield zeros, so reading goes
 * straight down and asks once, at the end, like struct reader. Any thread.
 */
#ifndef ANJU_RPC_JSON_H
#define ANJU_RPC_JSON_H

#include <jansson.h>

#include "base/arena.h"
#include "crypto/crypto.h"

enum { JSON_TIME_SIZE = 25 }; /* "2026-01-02T03:04:05.678Z" and NUL */

/* Values: new references. */
json_t *json_of_u64(uint64_t v);
json_t *json_of_i64(int64_t v);
json_t *json_of_time(uint64_t ms);
json_t *json_of_hex(const void *data, size_t size);
json_t *json_of_hash(const struct crypto_hash *h);
json_t *json_of_base64(struct bytes data);
json_t *json_of_text(struct bytes utf8);

/* Text of a time, and back. MALFORMED: not exactly this form, or no such time. */
void json_time_text(char out[JSON_TIME_SIZE], uint64_t ms);
ANJU_MUST_CHECK enum anju_err json_time_parse(uint64_t *ms, const char *text);

/* Decimal digits without leading zeros, at most UINT64_MAX. */
ANJU_MUST_CHECK enum anju_err json_u64_parse(uint64_t *out, const char *text);

/* Parses a document: NUL bytes, duplicate keys and anything that is not JSON are MALFORMED, with line. */
ANJU_MUST_CHECK enum anju_err json_parse(json_t **out, struct bytes text, const char *what);

/* What the readers of one document share. */
struct json_fault {
    bool found;
    char pointer[160];
    char words[200];
};

/* A place in a document. `value` is NULL where nothing is there (after a fault, or an absent optional). */
struct json_in {
    const json_t *value;
    const struct json_in *up; /* NULL: the root */
    const char *name;         /* member of `up`, or NULL: then item `index` */
    size_t index;
    struct json_fault *fault;
};

struct json_in json_root(const json_t *value, struct json_fault *fault);
/* A member that must be there; and one that may be (then value is NULL). Give NULL values for a place
 * that is no object. */
struct json_in json_member(const struct json_in *object, const char *name);
struct json_in json_optional(const struct json_in *object, const char *name);
struct json_in json_item(const struct json_in *array, size_t index);
size_t json_count(const struct json_in *array, size_t max); /* 0 after a fault */
/* Names the first member that is not in the NULL-terminated list. */
void json_only(const struct json_in *object, const char *const *names);
/* Sets the fault, unless there is one, to this place with these words. */
void json_wrong(const struct json_in *at, const char *format, ...) ANJU_PRINTF(2, 3);

bool json_read_bool(const struct json_in *at);
int64_t json_read_int(const struct json_in *at, int64_t min, int64_t max); /* a JSON integer */
uint64_t json_read_u64(const struct json_in *at);                          /* a decimal string */
uint64_t json_read_time(const struct json_in *at);
const char *json_read_text(const struct json_in *at, size_t size_max); /* "" after a fault; borrowed; no NUL inside */
void json_read_hex(const struct json_in *at, void *out, size_t size);  /* zeros after a fault */
struct bytes json_read_base64(const struct json_in *at, size_t size_max, struct arena *a);

/* MALFORMED where there was a fault: "what: /pointer: words". */
ANJU_MUST_CHECK enum anju_err json_finish(const struct json_fault *fault, const char *what);

#endif
