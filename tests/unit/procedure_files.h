/*
 * procedure_files: life cycles from their JSON files, for tests. Files are found from the top
 * folder.
 */
#ifndef ANJU_TESTS_PROCEDURE_FILES_H
#define ANJU_TESTS_PROCEDURE_FILES_H

#include "rpc/procedure_json.h"

/* The whole file, anju_alloc memory; fails the test where it can't be read. */
struct bytes files_read(const char *path);
/* Compiles a text as if it lay in `folder`. The result is to be freed. */
enum anju_err files_compile_text(struct procedure_json_result *out, const char *folder,
                                 struct bytes text);
/* Compiled bytes of a file (anju_alloc memory); fails the test with the first fault. */
struct bytes files_compile(const char *folder, const char *name);

#endif
