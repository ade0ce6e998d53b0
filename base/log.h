/*
 * log: one line an event, on standard error: time, level, module, words, key=value.
 * The time comes from a function that the program sets (base has no clock); without it lines have
 * no time. Safe from any thread. Never log a secret, a private value or a salt.
 */
#ifndef ANJU_BASE_LOG_H
#define ANJU_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_clock(uint64_t (*now_ms)(void));
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *module, const char *format, ...) ANJU_PRINTF(3, 4);

#define log_error(module, ...) log_line(LOG_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...) log_line(LOG_WARN, module, __VA_ARGS__)
#define log_info(module, ...) log_line(LOG_INFO, module, __VA_ARGS__)
#define log_debug(module, ...) log_line(LOG_DEBUG, module, __VA_ARGS__)

#endif
