/*
 * file: the few calls to the file system that storage makes apart from LMDB's, with words for what
 * can go wrong. Any thread.
 */
#ifndef ANJU_STORAGE_FILE_H
#define ANJU_STORAGE_FILE_H

#include "base/bytes.h"

/* Makes the directory (mode 0700) and its parents where they are missing. */
ANJU_MUST_CHECK enum anju_err file_make_dir(const char *path);
/* IO with errno's words, FULL where there is no room; names the path and what was tried. */
enum anju_err file_fail(const char *what, const char *path);
/* Writes all at an offset. FULL, IO. */
ANJU_MUST_CHECK enum anju_err file_write_at(int fd, const char *path, struct bytes data,
                                            uint64_t offset);
/* Reads up to `size` bytes at an offset; *got says how many there were. */
ANJU_MUST_CHECK enum anju_err file_read_at(int fd, const char *path, void *out, size_t size,
                                           uint64_t offset, size_t *got);
/* Says with errno what could not be done, and aborts. */
void file_die(const char *what, const char *path);
/* fdatasync; where it fails the process says so and aborts: the kernel may have dropped the pages,
 * and a second try could succeed without them (Rebello et al., ATC '20). */
void file_sync(int fd, const char *path);
/* Makes what was created, renamed or removed in a directory durable. Aborts where it fails. */
void file_sync_dir(const char *dir);
/* Writes a whole small file under another name, syncs it and renames it. */
ANJU_MUST_CHECK enum anju_err file_replace(const char *dir, const char *name, struct bytes data);
/* Whether a new megabyte finds no place in a directory (no room on disk, or a quota): for errors
 * that do not say so themselves. */
bool file_no_room(const char *dir);
/* dir/name in new memory. */
char *file_path(const char *dir, const char *name);

#endif
