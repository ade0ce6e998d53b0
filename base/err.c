#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ERR_TEXT_SIZE = 1024 };

static _Thread_local char last_text[ERR_TEXT_SIZE];

const char *anju_err_name(enum anju_err err)
{
    switch (err) {
    case ANJU_OK:
        return "ok";
    case ANJU_ERR_MALFORMED:
        return "malformed";
    case ANJU_ERR_TOO_LARGE:
        return "too_large";
    case ANJU_ERR_NOT_FOUND:
        return "not_found";
    case ANJU_ERR_EXISTS:
        return "exists";
    case ANJU_ERR_MISMATCH:
        return "mismatch";
    case ANJU_ERR_CORRUPT:
        return "corrupt";
    case ANJU_ERR_UNSUPPORTED:
        return "unsupported";
    case ANJU_ERR_IO:
        return "io";
    case ANJU_ERR_FULL:
        return "full";
    case ANJU_ERR_BUSY:
        return "busy";
    case ANJU_ERR_CLOSED:
        return "closed";
    }
    return "unknown";
}

const char *anju_err_text(void)
{
    return last_text;
}

enum anju_err anju_fail(enum anju_err err, const char *format, ...)
{
    char text[ERR_TEXT_SIZE]; /* apart, since the arguments may point into last_text */
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(last_text, text, strlen(text) + 1);
    return err;
}
