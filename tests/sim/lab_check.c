/* The fixture speaks to Check. In sim_node, which is no test program, these answer instead
 * (--wrap). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void __wrap__mark_point(const char *file, int line);
_Noreturn void __wrap__ck_assert_failed(const char *file, int line, const char *expr,
                                        const char *format, ...);

void __wrap__mark_point(const char *file, int line)
{
    (void)file;
    (void)line;
}

_Noreturn void __wrap__ck_assert_failed(const char *file, int line, const char *expr,
                                        const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "%s:%d: %s: ", file, line, expr);
    va_start(args, format);
    if (format != NULL)
        (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    abort();
}
