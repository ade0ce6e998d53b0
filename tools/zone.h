/*
 * zone: local wall-clock times of a named time zone as milliseconds since 1970 UTC, by the system's zone
 * files. Sets the process's TZ: one zone a process, not for threads.
 */
#ifndef ANJU_TOOLS_ZONE_H
#define ANJU_TOOLS_ZONE_H

#include "base/bytes.h"

/* NOT_FOUND with words: there is no zone file of this name (glibc would silently read UTC). */
ANJU_MUST_CHECK enum anju_err zone_set(const char *name);
/* `format` as in strptime, without %Z. An hour that occurs twice is the first one. MALFORMED: not in
 * this form, or no such date. NOT_FOUND: an hour that the clock skipped. */
ANJU_MUST_CHECK enum anju_err zone_parse(uint64_t *ms, struct bytes text, const char *format);

#endif
