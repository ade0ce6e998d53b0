#include "storage/checksum.h"

#include <pthread.h>
#include <string.h>

/* Eight tables: one step takes eight bytes (Kounavis and Berry, "slicing by 8"). */
static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ ((c & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
        tables[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (uint32_t i = 0; i < 256; i++)
            tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
}

static uint32_t get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t checksum_crc32c(uint32_t before, struct bytes in)
{
    uint32_t c = ~before;
    const uint8_t *p = in.data;
    size_t left = in.size;

    (void)pthread_once(&tables_once, make_tables);
    for (; left >= 8; left -= 8, p += 8) {
        uint32_t a = c ^ get_le32(p), b = get_le32(p + 4);
        c = tables[7][a & 0xff] ^ tables[6][(a >> 8) & 0xff] ^ tables[5][(a >> 16) & 0xff] ^
            tables[4][a >> 24] ^ tables[3][b & 0xff] ^ tables[2][(b >> 8) & 0xff] ^
            tables[1][(b >> 16) & 0xff] ^ tables[0][b >> 24];
    }
    for (; left > 0; left--, p++)
        c = (c >> 8) ^ tables[0][(c ^ *p) & 0xff];
    return ~c;
}
