#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { LOG_LINE_SIZE = 2048 };

typedef uint64_t clock_fn(void);

static _Atomic(clock_fn *) clock_now;
static atomic_int level_max = LOG_INFO;

void log_set_clock(uint64_t (*now_ms)(void))
{
    atomic_store(&clock_now, now_ms);
}

void log_set_level(enum log_level level)
{
    atomic_store(&level_max, (int)level);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "?";
}

/* RFC 3339 in UTC with milliseconds, without the C library's calendar (and its time zone). The
 * date is counted in years that begin in March, so that the leap day is the last of its year. */
static size_t put_time(char *out, size_t room, uint64_t ms)
{
    uint64_t seconds = ms / 1000;
    uint64_t days = seconds / 86400 + 719468; /* since 0000-03-01 */
    uint64_t era = days / 146097;             /* 400 years */
    uint64_t in_era = days % 146097;
    uint64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    uint64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * in_year + 2) / 153; /* 0 is March */
    uint64_t day = in_year - (153 * month + 2) / 5 + 1;

    year += era * 400 + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;
    return (size_t)snprintf(out, room, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ ", (unsigned)year,
                            (unsigned)month, (unsigned)day, (unsigned)(seconds / 3600 % 24),
                            (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60),
                            (unsigned)(ms % 1000));
}

/* Words may quote what a peer or a file said: nothing in them may begin a line of its own or
 * steer a terminal. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f)
            *text = '?';
    }
}

void log_line(enum log_level level, const char *module, const char *format, ...)
{
    clock_fn *now = atomic_load(&clock_now);
    char line[LOG_LINE_SIZE];
    size_t used = 0;
    va_list args;

    if ((int)level > atomic_load(&level_max))
        return;
    if (now != NULL)
        used = put_time(line, sizeof line, now());
    used +=
        (size_t)snprintf(line + used, sizeof line - used, "%s %.32s: ", level_name(level), module);
    va_start(args, format);
    (void)vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    make_printable(line);
    used = strlen(line);
    line[used] = '\n';
    (void)fwrite(line, 1, used + 1, stderr); /* one call, so that lines of threads do not mix */
}
