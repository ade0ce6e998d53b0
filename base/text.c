/* Hexadecimal and base64: the two ways in which bytes become text (base/bytes.h). */
#include "base/bytes.h"

#include <string.h>

void hex_encode(char *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * size] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

enum anju_err hex_decode(uint8_t *out, size_t size, const char *text)
{
    if (strlen(text) != 2 * size)
        return ANJU_ERR_MALFORMED;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return ANJU_ERR_MALFORMED;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return ANJU_OK;
}

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_encode(char *out, const uint8_t *data, size_t size)
{
    size_t i = 0;

    for (; size - i >= 3; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];

        *out++ = BASE64[v >> 18];
        *out++ = BASE64[v >> 12 & 63];
        *out++ = BASE64[v >> 6 & 63];
        *out++ = BASE64[v & 63];
    }
    if (size - i > 0) {
        bool two = size - i == 2;
        uint32_t v = (uint32_t)data[i] << 16 | (two ? (uint32_t)data[i + 1] << 8 : 0);

        *out++ = BASE64[v >> 18];
        *out++ = BASE64[v >> 12 & 63];
        *out++ = two ? BASE64[v >> 6 & 63] : '=';
        *out++ = '=';
    }
    *out = '\0';
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* One group of four characters, of which `padding` are '='; the bits that padding leaves over
 * must be 0, else two texts would stand for one value. */
static bool base64_group(uint8_t out[3], const char *text, size_t padding)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int digit = i < 4 - padding ? base64_digit(text[i]) : 0;

        if (digit < 0 || (i >= 4 - padding && text[i] != '='))
            return false;
        v = v << 6 | (uint32_t)digit;
    }
    out[0] = (uint8_t)(v >> 16);
    out[1] = (uint8_t)(v >> 8);
    out[2] = (uint8_t)v;
    return (v & ((1u << (8 * padding)) - 1)) == 0;
}

enum anju_err base64_decode(uint8_t *out, size_t *out_size, const char *text, size_t text_size)
{
    size_t at = 0;

    *out_size = 0;
    if (text_size % 4 != 0)
        return ANJU_ERR_MALFORMED;
    for (size_t i = 0; i < text_size; i += 4) {
        bool last = i + 4 == text_size;
        size_t padding = last ? (size_t)(text[i + 3] == '=') + (text[i + 2] == '=') : 0;
        uint8_t group[3];

        if (!base64_group(group, text + i, padding))
            return ANJU_ERR_MALFORMED;
        memcpy(out + at, group, 3 - padding);
        at += 3 - padding;
    }
    *out_size = at;
    return ANJU_OK;
}
