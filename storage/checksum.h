/*
 * checksum: CRC-32C (Castagnoli; RFC 3720, B.4) over what storage keeps: it finds damage by chance,
 * not by intent, which is what hashes and signatures are for. Any thread.
 */
#ifndef ANJU_STORAGE_CHECKSUM_H
#define ANJU_STORAGE_CHECKSUM_H

#include "base/bytes.h"

/* Continues a checksum: `before` is 0 or what the call for the preceding bytes gave. */
uint32_t checksum_crc32c(uint32_t before, struct bytes in);

#endif
