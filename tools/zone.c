#include "tools/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum anju_err zone_set(const char *name)
{
    const char *dir = getenv("TZDIR");
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : "/usr/share/zoneinfo", name);
    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") != NULL || access(path, R_OK) != 0)
        return anju_fail(ANJU_ERR_NOT_FOUND, "time zone '%s': no zone file %s; is the package tzdata installed?", name, path);
    snprintf(path, sizeof(path), ":%s", name);
    setenv("TZ", path, 1);
    tzset();
    return ANJU_OK;
}

/* The instant of a wall-clock time with daylight saving time on or off; false where that hour has it not. */
static bool instant(time_t *out, const struct tm *wall, int dst)
{
    struct tm asked = *wall, back;

    asked.tm_isdst = dst;
    *out = mktime(&asked);
    if (localtime_r(out, &back) == NULL)
        return false;
    return back.tm_year == wall->tm_year && back.tm_mon == wall->tm_mon && back.tm_mday == wall->tm_mday
           && back.tm_hour == wall->tm_hour && back.tm_min == wall->tm_min && back.tm_sec == wall->tm_sec;
}

static bool is_date(const struct tm *t)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = t->tm_year + 1900;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return year >= 1970 && t->tm_mday >= 1 && t->tm_mday <= DAYS[t->tm_mon] + (leap && t->tm_mon == 1) && t->tm_sec < 60;
}

enum anju_err zone_parse(uint64_t *ms, struct bytes text, const char *format)
{
    char copy[64];
    struct tm wall = {0};
    time_t with, without;

    if (text.size >= sizeof(copy))
        return ANJU_ERR_MALFORMED;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    const char *end = strptime(copy, format, &wall);
    if (end == NULL || *end != '\0' || !is_date(&wall))
        return ANJU_ERR_MALFORMED;
    bool first = instant(&with, &wall, 1), second = instant(&without, &wall, 0);
    if (!first && !second)
        return ANJU_ERR_NOT_FOUND;
    time_t chosen = !second || (first && with < without) ? with : without;
    if (chosen < 0)
        return ANJU_ERR_MALFORMED;
    *ms = (uint64_t)chosen * 1000;
    return ANJU_OK;
}
