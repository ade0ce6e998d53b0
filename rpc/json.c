#include "rpc/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values. */

json_t *json_of_u64(uint64_t v)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, v);
    return json_string(text);
}

json_t *json_of_i64(int64_t v)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, v);
    return json_string(text);
}

json_t *json_of_time(uint64_t ms)
{
    char text[JSON_TIME_SIZE];

    json_time_text(text, ms);
    return json_string(text);
}

json_t *json_of_hex(const void *data, size_t size)
{
    char *text = anju_alloc(2 * size + 1);

    hex_encode(text, data, size);
    json_t *value = json_string(text);
    free(text);
    return value;
}

json_t *json_of_hash(const struct crypto_hash *h)
{
    return json_of_hex(h->b, sizeof(h->b));
}

json_t *json_of_base64(struct bytes data)
{
    char *text = anju_alloc(base64_size(data.size) + 1);

    base64_encode(text, data.data, data.size);
    json_t *value = json_string(text);
    free(text);
    return value;
}

json_t *json_of_text(struct bytes utf8)
{
    return json_stringn(utf8.size > 0 ? (const char *)utf8.data : "", utf8.size);
}

/* Times: the civil calendar from days since 1970 and back (H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms"), without the C library's time zones. */

static void civil_of(unsigned *year, unsigned *month, unsigned *day, uint64_t days)
{
    uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    *day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *year = (unsigned)(yoe + era * 400 + (*month <= 2));
}

static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
    uint64_t y = year - (month <= 2), era = y / 400, yoe = y % 400;
    uint64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void json_time_text(char out[JSON_TIME_SIZE], uint64_t ms)
{
    unsigned year, month, day;
    uint64_t s = ms / 1000;

    civil_of(&year, &month, &day, s / 86400);
    if (year > 9999)
        year = 9999; /* outside what the ledger takes; still a text of the form */
    snprintf(out, JSON_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000, month % 100, day % 100,
             (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60), (unsigned)(ms % 1000));
}

enum anju_err json_time_parse(uint64_t *ms, const char *text)
{
    unsigned v[7];
    char again[JSON_TIME_SIZE];

    if (strlen(text) != JSON_TIME_SIZE - 1
        || sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]) != 7 || v[0] < 1970
        || v[1] < 1 || v[1] > 12)
        return ANJU_ERR_MALFORMED;
    *ms = ((days_of(v[0], v[1], v[2]) * 24 + v[3]) * 60 + v[4]) * 60000 + v[5] * UINT64_C(1000) + v[6];
    json_time_text(again, *ms); /* 31 February, hour 24, other separators */
    return strcmp(again, text) == 0 ? ANJU_OK : ANJU_ERR_MALFORMED;
}

enum anju_err json_u64_parse(uint64_t *out, const char *text)
{
    uint64_t v = 0;

    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return ANJU_ERR_MALFORMED;
    for (const char *p = text; *p != '\0'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (*p < '0' || *p > '9' || v > (UINT64_MAX - digit) / 10)
            return ANJU_ERR_MALFORMED;
        v = v * 10 + digit;
    }
    *out = v;
    return ANJU_OK;
}

enum anju_err json_parse(json_t **out, struct bytes text, const char *what)
{
    json_error_t error;

    *out = NULL;
    if (text.size > 0 && memchr(text.data, 0, text.size) != NULL) /* jansson takes one after a number */
        return anju_fail(ANJU_ERR_MALFORMED, "%s: has a NUL byte", what);
    *out = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (*out == NULL)
        return anju_fail(ANJU_ERR_MALFORMED, "%s: line %d, column %d: %s", what, error.line, error.column, error.text);
    return ANJU_OK;
}

/* Reading. */

static void write_pointer(char *out, size_t room, const struct json_in *at)
{
    if (at->up == NULL) {
        out[0] = '\0';
        return;
    }
    write_pointer(out, room, at->up);
    size_t size = strlen(out);
    if (at->name != NULL)
        snprintf(out + size, room - size, "/%s", at->name);
    else
        snprintf(out + size, room - size, "/%zu", at->index);
}

void json_wrong(const struct json_in *at, const char *format, ...)
{
    va_list args;

    if (at->fault->found)
        return;
    at->fault->found = true;
    write_pointer(at->fault->pointer, sizeof(at->fault->pointer), at);
    va_start(args, format);
    vsnprintf(at->fault->words, sizeof(at->fault->words), format, args);
    va_end(args);
}

struct json_in json_root(const json_t *value, struct json_fault *fault)
{
    *fault = (struct json_fault){0};
    return (struct json_in){.value = value, .fault = fault};
}

struct json_in json_optional(const struct json_in *object, const char *name)
{
    if (object->value != NULL && !json_is_object(object->value))
        json_wrong(object, "must be an object");
    return (struct json_in){.value = json_object_get(object->value, name), .up = object, .name = name, .fault = object->fault};
}

struct json_in json_member(const struct json_in *object, const char *name)
{
    struct json_in in = json_optional(object, name);

    if (in.value == NULL)
        json_wrong(object, "member \"%s\" is missing", name);
    return in;
}

struct json_in json_item(const struct json_in *array, size_t index)
{
    return (struct json_in){.value = json_array_get(array->value, index), .up = array, .index = index, .fault = array->fault};
}

size_t json_count(const struct json_in *array, size_t max)
{
    if (array->value != NULL && !json_is_array(array->value))
        json_wrong(array, "must be an array");
    else if (json_array_size(array->value) > max)
        json_wrong(array, "has %zu items, at most %zu are allowed", json_array_size(array->value), max);
    return array->fault->found ? 0 : json_array_size(array->value);
}

void json_only(const struct json_in *object, const char *const *names)
{
    const char *key;
    json_t *value;

    if (object->value != NULL && !json_is_object(object->value))
        json_wrong(object, "must be an object");
    json_object_foreach((json_t *)(uintptr_t)object->value, key, value)
    {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], key) != 0)
            i++;
        if (names[i] == NULL)
            json_wrong(object, "unknown member \"%.60s\"", key);
    }
}

bool json_read_bool(const struct json_in *at)
{
    if (!json_is_boolean(at->value))
        json_wrong(at, "must be true or false");
    return json_is_true(at->value);
}

int64_t json_read_int(const struct json_in *at, int64_t min, int64_t max)
{
    int64_t v = json_integer_value(at->value);

    if (json_is_integer(at->value) && v >= min && v <= max)
        return v;
    json_wrong(at, "must be an integer from %" PRId64 " to %" PRId64, min, max);
    return 0;
}

uint64_t json_read_u64(const struct json_in *at)
{
    uint64_t v = 0;

    if (!json_is_string(at->value) || json_u64_parse(&v, json_string_value(at->value)) != ANJU_OK)
        json_wrong(at, "must be a string of decimal digits");
    return v;
}

uint64_t json_read_time(const struct json_in *at)
{
    uint64_t v = 0;

    if (json_is_string(at->value) && json_time_parse(&v, json_string_value(at->value)) == ANJU_OK)
        return v;
    json_wrong(at, "must be a time such as \"2026-01-02T03:04:05.678Z\"");
    return 0;
}

const char *json_read_text(const struct json_in *at, size_t size_max)
{
    const char *text = json_string_value(at->value);

    if (text != NULL && strlen(text) == json_string_length(at->value) && strlen(text) <= size_max)
        return text;
    json_wrong(at, "must be a string of at most %zu bytes without NUL", size_max);
    return "";
}

void json_read_hex(const struct json_in *at, void *out, size_t size)
{
    if (json_is_string(at->value) && hex_decode(out, size, json_string_value(at->value)) == ANJU_OK)
        return;
    memset(out, 0, size);
    json_wrong(at, "must be %zu lower-case hexadecimal digits", 2 * size);
}

struct bytes json_read_base64(const struct json_in *at, size_t size_max, struct arena *a)
{
    size_t text_size = json_string_length(at->value), size = 0;

    if (json_is_string(at->value) && text_size / 4 * 3 <= size_max + 2) {
        uint8_t *data = arena_alloc(a, text_size / 4 * 3 + 1);
        if (base64_decode(data, &size, json_string_value(at->value), text_size) == ANJU_OK && size <= size_max)
            return bytes_of(data, size);
    }
    json_wrong(at, "must be padded base64 of at most %zu bytes", size_max);
    return bytes_of(NULL, 0);
}

enum anju_err json_finish(const struct json_fault *fault, const char *what)
{
    if (!fault->found)
        return ANJU_OK;
    return anju_fail(ANJU_ERR_MALFORMED, "%s: %s: %s", what, fault->pointer[0] != '\0' ? fault->pointer : "/", fault->words);
}
