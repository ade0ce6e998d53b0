/* anju export: the log as static files for C2SP's clients (tlog-tiles), and the policy that says
 * whom to trust. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "rpc/outside.h"
#include "rpc/tiles.h"
#include "tools/tools.h"

struct work {
    const char *dir;
    struct store_read *read;
    struct tool_progress progress;
    uint64_t written, kept, size;
};

/* Makes the folders above a file. */
static enum anju_err make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return anju_fail(ANJU_ERR_IO, "%s: %s", path, strerror(errno));
        *at = '/';
    }
    return ANJU_OK;
}

/* Full tiles never change: one that is there is right, or was changed by somebody else. */
static enum anju_err write_tile(struct work *w, const struct tile *t)
{
    char name[TILE_PATH_SIZE], path[4096];
    struct writer out = {0};
    struct stat st;
    enum anju_err err = ANJU_OK;

    tile_path(name, t);
    if (snprintf(path, sizeof(path), "%s/tile/%s", w->dir, name) >= (int)sizeof(path))
        return anju_fail(ANJU_ERR_TOO_LARGE, "%s: the path is too long", w->dir);
    if (t->width == TILE_WIDTH && stat(path, &st) == 0) {
        w->kept++;
        return ANJU_OK;
    }
    err = tile_make(&out, w->read, t);
    if (err == ANJU_OK)
        err = make_folders(path);
    if (err == ANJU_OK)
        err = tool_write_file(path, writer_view(&out), 0644, true);
    w->written += err == ANJU_OK;
    writer_free(&out);
    return err;
}

static enum anju_err write_level(struct work *w, int level)
{
    enum anju_err err = ANJU_OK;

    for (uint64_t i = 0; err == ANJU_OK; i++) {
        struct tile t = {.level = level, .index = i, .width = tile_width(level, i, w->size)};
        if (t.width == 0)
            break;
        err = write_tile(w, &t);
        tool_progress_set(&w->progress, w->written + w->kept);
    }
    return err;
}

/* The root over the leaf hashes that the tiles have. */
static enum anju_err check_root(const struct work *w, const struct kept_checkpoint *k)
{
    struct merkle_peaks peaks = {.size = 0};
    struct crypto_hash hash;

    for (uint64_t i = 0; i < k->size; i++) {
        enum anju_err err = store_read_log_node(w->read, &hash, 0, i);
        if (err != ANJU_OK)
            return err;
        merkle_append(&peaks, &hash, NULL, NULL);
    }
    merkle_root(&hash, &peaks);
    return crypto_hash_equal(&hash, &k->root)
               ? ANJU_OK
               : anju_fail(ANJU_ERR_MISMATCH,
                           "the log does not have the root of checkpoint %" PRIu64
                           ": audit this data",
                           k->height);
}

/* Whose log signature it is: that of the node whose data directory this is. */
static const struct ledger_node *log_node_of(const struct kept_checkpoint *k,
                                             const struct ledger_registry *r)
{
    struct writer text = {0};
    const struct ledger_node *found = NULL;

    checkpoint_text(&text, r->genesis->origin, k->size, &k->root);
    for (unsigned i = 0; k->has_log_sig && i < r->set.n && found == NULL; i++)
        if (crypto_ed25519_verify(k->log_sig, r->set.node[i].log_key, writer_view(&text)) ==
            ANJU_OK)
            found = &r->set.node[i];
    writer_free(&text);
    return found;
}

static enum anju_err write_checkpoint(const struct work *w, const struct kept_checkpoint *k,
                                      const struct ledger_registry *r)
{
    const struct ledger_node *node = log_node_of(k, r);
    struct writer note = {0};
    char path[4096];

    if (node == NULL)
        return anju_fail(
            ANJU_ERR_NOT_FOUND,
            "the checkpoints of this node have no log signature: set log.key in its configuration");
    outside_note(&note, k, r->genesis->origin, &r->set, node, LEDGER_SET_MAX);
    snprintf(path, sizeof(path), "%s/checkpoint", w->dir);
    enum anju_err err = make_folders(path);
    if (err == ANJU_OK)
        err = tool_write_file(path, writer_view(&note), 0644, true);
    writer_free(&note);
    return err;
}

static enum anju_err newest(struct kept_checkpoint *k, const char *data,
                            const struct ledger_registry *r)
{
    struct checkpoints *c = NULL;
    enum anju_err err = checkpoints_open(&c, data, true);

    if (err == ANJU_OK)
        err = checkpoints_newest(c, k, ledger_set_quorum(&r->set));
    if (err == ANJU_ERR_NOT_FOUND)
        err = anju_fail(err,
                        "%s has no checkpoint with %u cosignatures (yet): the last ones are "
                        "written when newer ones come, or when the node stops",
                        data, ledger_set_quorum(&r->set));
    checkpoints_close(c);
    return err;
}

static enum anju_err write_all(struct work *w, const struct kept_checkpoint *k,
                               const struct ledger_registry *r)
{
    enum anju_err err = ANJU_OK;

    w->size = k->size;
    if (k->size > store_read_tip(w->read)->result_body.log_size)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "the checkpoint is of a longer log than the one in this directory");
    err = check_root(w, k);
    tool_progress_begin(&w->progress, "tiles", 2 * (k->size / TILE_WIDTH + 1));
    for (int level = TILE_ENTRIES; err == ANJU_OK && level <= TILE_LEVEL_MAX; level++)
        err = write_level(w, level);
    tool_progress_end(&w->progress);
    /* The checkpoint comes last: whoever reads it finds all its tiles. */
    return err == ANJU_OK ? write_checkpoint(w, k, r) : err;
}

static int export_tiles(const struct ledger_registry *r, const char *data, const char *dir)
{
    struct kept_checkpoint k;
    struct store *store = NULL;
    struct work w = {.dir = dir};
    enum anju_err err;

    if (data == NULL)
        return tool_fail(TOOL_USAGE,
                         "tiles are made from a node's data directory: give it with --data");
    err = newest(&k, data, r);
    if (err == ANJU_OK)
        err = store_open_readonly(&store, data, &r->ledger_id);
    if (err == ANJU_OK)
        err = store_read_begin(&w.read, store);
    if (err == ANJU_OK)
        err = write_all(&w, &k, r);
    store_read_end(w.read);
    store_close(store);
    if (err != ANJU_OK)
        return tool_fail_err();
    if (tool_json)
        tool_print_json(json_pack("{s:I, s:I, s:I, s:I}", "size", (json_int_t)k.size, "height",
                                  (json_int_t)k.height, "written", (json_int_t)w.written, "kept",
                                  (json_int_t)w.kept));
    else
        printf("%s: %" PRIu64 " entries as of block %" PRIu64 ", %u cosignatures; %" PRIu64
               " tiles written, %" PRIu64 " were there\n",
               dir, k.size, k.height, k.n, w.written, w.kept);
    return TOOL_OK;
}

static int export_policy(const struct ledger_registry *r, const char *file)
{
    struct writer text = {0};
    int code = TOOL_OK;

    if (!outside_origin_fits(r->genesis->origin))
        return tool_fail(TOOL_REFUSED, "the origin %s is too long for names in signed notes",
                         r->genesis->origin);
    outside_policy(&text, r->genesis->origin, &r->set);
    if (file == NULL)
        fwrite(text.data, 1, text.size, stdout);
    else if (tool_write_file(file, writer_view(&text), 0644, true) != ANJU_OK)
        code = tool_fail_err();
    writer_free(&text);
    return code;
}

int cmd_export(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        {"--data", "DIR", "tiles: the data directory of a node, which may be running", NULL, NULL},
        {0}};
    const struct tool_usage usage = {
        "export", "[options] tiles DIR | policy [FILE]",
        "Writes the log as static files (C2SP tlog-tiles), or the policy (C2SP tlog-policy) with "
        "the validators' keys and quorum.",
        "anju export --data node-1/data tiles www && anju export policy ledger.policy", options};
    const struct ledger_registry *r;
    int n, code = tool_args(&usage, argc, argv, &n, 1, 2);

    if (code >= 0)
        return code;
    bool tiles = strcmp(argv[1], "tiles") == 0;
    if ((!tiles && strcmp(argv[1], "policy") != 0) || (tiles && n != 2))
        return tool_fail(TOOL_USAGE, "export what? tiles DIR, or policy [FILE]");
    if (tool_open_genesis(&r, options[0].given) != ANJU_OK)
        return tool_fail_err();
    return tiles ? export_tiles(r, options[1].given, argv[2])
                 : export_policy(r, n == 2 ? argv[2] : NULL);
}
