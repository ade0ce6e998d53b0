#include "tests/unit/vectors.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

enum { FILES_MAX = 1000, PATH_SIZE = 512 };

/* The first of the three places that has it. */
static void find(char out[PATH_SIZE], const char *name)
{
    const char *places[] = {getenv("ANJU_VECTORS"), "../shared/vectors", "tests/vectors"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i] == NULL)
            continue;
        (void)snprintf(out, PATH_SIZE, "%s/%s", places[i], name);
        if (access(out, R_OK) == 0)
            return;
    }
    ck_abort_msg("no vectors %s; run the tests from the top of the repository", name);
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *file = json_load_file(path, JSON_ALLOW_NUL, &error);

    /* Jansson's integers end at 2^63 - 1; a file with a larger one has all of them as reals. */
    if (file == NULL && json_error_code(&error) == json_error_numeric_overflow)
        file = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    ck_assert_msg(file != NULL, "%s:%d: %s", path, error.line, error.text);
    return file;
}

json_t *vectors_load(const char *name)
{
    char path[PATH_SIZE];

    find(path, name);
    return load(path);
}

static char *files[FILES_MAX];
static size_t file_count;

static int keep_file(const char *path, const struct stat *info, int type, struct FTW *at)
{
    size_t size = strlen(path);

    (void)info;
    (void)at;
    if (type == FTW_F && size > 5 && strcmp(path + size - 5, ".json") == 0) {
        ck_assert_uint_lt(file_count, FILES_MAX);
        files[file_count++] = anju_strdup(path);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void vectors_each(const char *folder, vectors_fn *each, void *ctx)
{
    char path[PATH_SIZE];

    find(path, folder);
    file_count = 0;
    ck_assert_int_eq(nftw(path, keep_file, 8, FTW_PHYS), 0);
    ck_assert_msg(file_count > 0, "%s has no vectors", path);
    qsort(files, file_count, sizeof files[0], by_name);
    for (size_t i = 0; i < file_count; i++) {
        json_t *file = load(files[i]);

        each(ctx, files[i], file);
        json_decref(file);
        free(files[i]);
    }
}

const char *vectors_text(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    ck_assert_msg(text != NULL, "a vector has no text \"%s\"", key);
    return text;
}

json_int_t vectors_int(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    ck_assert_msg(json_is_integer(value), "a vector has no integer \"%s\"", key);
    return json_integer_value(value);
}

uint64_t vectors_u64(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_real(value)) {
        ck_assert_int_ge(vectors_int(object, key), 0);
        return (uint64_t)vectors_int(object, key);
    }
    if (json_real_value(value) >= 0x1p64) /* what 2^64 - 1 becomes */
        return UINT64_MAX;
    ck_assert_msg(json_real_value(value) < 0x1p53, "\"%s\" is not exact as a real", key);
    return (uint64_t)json_real_value(value);
}

json_t *vectors_array(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    ck_assert_msg(json_is_array(value), "a vector has no array \"%s\"", key);
    return value;
}

uint8_t *vectors_hex(const char *text, size_t *size)
{
    char *plain = anju_strdup(text);
    uint8_t *out;
    size_t digits = 0;

    for (; *text != '\0'; text++) {
        if (*text != '-')
            plain[digits++] = *text;
    }
    plain[digits] = '\0';
    *size = digits / 2;
    out = anju_alloc(*size);
    ck_assert_msg(hex_decode(out, *size, plain) == ANJU_OK, "not hexadecimal: %s", plain);
    free(plain);
    return out;
}

uint8_t *vectors_base64(const char *text, size_t *size)
{
    size_t text_size = strlen(text);
    uint8_t *out = anju_alloc(text_size / 4 * 3);

    ck_assert_msg(base64_decode(out, size, text, text_size) == ANJU_OK, "not base64: %s", text);
    return out;
}
