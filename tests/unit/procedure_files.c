#include "tests/unit/procedure_files.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/must.h"

static enum anju_err read_whole(struct bytes *out, const char *path)
{
    struct writer w = {0};
    FILE *f = fopen(path, "rb");
    size_t n;

    if (f == NULL)
        return anju_fail(ANJU_ERR_NOT_FOUND, "%s", path);
    do {
        uint8_t room[4096];
        n = fread(room, 1, sizeof room, f);
        writer_put(&w, room, n);
    } while (n > 0);
    (void)fclose(f);
    *out = bytes_of(anju_dup(w.data, w.size), w.size);
    writer_free(&w);
    return ANJU_OK;
}

struct bytes files_read(const char *path)
{
    struct bytes out = {0};

    must(read_whole(&out, path));
    return out;
}

static enum anju_err load(void *user, struct bytes *out, const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", (const char *)user, name);
    return read_whole(out, path);
}

enum anju_err files_compile_text(struct procedure_json_result *out, const char *folder,
                                 struct bytes text)
{
    char place[256];
    struct procedure_json_source source = {.text = text, .load = load, .user = place};

    (void)snprintf(place, sizeof place, "%s", folder);
    return procedure_json_compile(out, &source);
}

struct bytes files_compile(const char *folder, const char *name)
{
    struct procedure_json_result result;
    char path[512];
    struct bytes text, out;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    text = files_read(path);
    must(files_compile_text(&result, folder, text));
    out = bytes_of(anju_dup(result.compiled.data, result.compiled.size), result.compiled.size);
    procedure_json_result_free(&result);
    free((void *)(uintptr_t)text.data);
    return out;
}
