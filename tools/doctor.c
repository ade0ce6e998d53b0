/*
 * anju doctor: what is wrong with a ledger's nodes, in words, with the next step. It asks all
 * nodes, compares what they say of themselves and of each other, and looks into a data directory
 * where a configuration is given. It changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "node/config.h"
#include "storage/store.h"
#include "tools/nodes.h"

enum {
    CLOCK_MS_MAX = 300, /* the protocol takes 500, with the way of the message */
    STALLED_MS = 5000,
    ROUND_STALLED = 3,
    TWIN_MS = 10 * 60000,
    CALL_S = 5,
};

struct patient {
    const char *url;
    json_t *status; /* NULL: no answer */
    char error[300];
    int64_t clock_ms; /* its clock less ours */
    int64_t doubt_ms; /* half of the way there and back */
};

struct ward {
    const struct ledger_registry *registry;
    struct patient patient[NODES_MAX];
    size_t n;
    int64_t clock_ms; /* of most of them, less ours */
    json_t *findings;
};

/* ---- Findings ---- */

static void find(struct ward *w, const char *cause, const char *node, const char *next,
                 const char *format, ...) ANJU_PRINTF(5, 6);
static void find(struct ward *w, const char *cause, const char *node, const char *next,
                 const char *format, ...)
{
    char words[1000];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    json_array_append_new(w->findings, json_pack("{s:s, s:s, s:s, s:s}", "cause", cause, "node",
                                                 node, "words", words, "next", next));
}

static const json_t *at(const json_t *object, const char *a, const char *b)
{
    return json_object_get(json_object_get(object, a), b);
}

static uint64_t number(const json_t *value)
{
    if (json_is_integer(value))
        return (uint64_t)json_integer_value(value);
    return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : 0;
}

static const char *text(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : "";
}

/* "host:port of member Name" for a node id. */
static void name_node(char *out, size_t size, const struct ward *w, const char *id)
{
    const struct ledger_genesis *g = w->registry->genesis;
    char hex[65];

    snprintf(out, size, "node %.12s", id);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        hex_encode(hex, g->nodes[i].node.id.b, CRYPTO_HASH_SIZE);
        if (strcmp(hex, id) == 0)
            snprintf(out, size, "%s (member %u)", g->nodes[i].rpc, g->nodes[i].node.member);
    }
}

/* ---- Asking ---- */

static int64_t wall_of(const char *time)
{
    struct tm tm = {0};
    int ms = 0;

    if (sscanf(time, "%d-%d-%dT%d:%d:%d.%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &ms) != 7)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000 + ms;
}

static void ask(struct ward *w, struct patient *p)
{
    struct tool_client *client = NULL;
    json_t *error = NULL;
    uint64_t before = 0, after = 0;
    enum anju_err err = tool_client_open(&client, p->url, w->registry);

    if (err == ANJU_OK)
        tool_client_timeout(client, CALL_S);
    /* Twice: the first call opens the connection, the second one tells the time. */
    for (int k = 0; k < 2 && err == ANJU_OK; k++) {
        json_decref(p->status);
        p->status = NULL;
        before = tool_now_ms();
        err = tool_call(client, &p->status, &error, "node.status", json_object());
        after = tool_now_ms();
    }
    tool_client_close(client);
    json_decref(error);
    if (err != ANJU_OK) {
        snprintf(p->error, sizeof(p->error), "%s", anju_err_text());
        return;
    }
    p->doubt_ms = (int64_t)(after - before) / 2;
    p->clock_ms = wall_of(text(json_object_get(p->status, "now"))) - (int64_t)before - p->doubt_ms;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* ---- What is wrong ---- */

static void look_at_answers(struct ward *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct patient *p = &w->patient[i];
        if (p->status == NULL)
            find(w, "no_answer", p->url,
                 "start it, or look at its log: its last lines say why it ended; the other nodes' "
                 "view of it is below",
                 "the node does not answer: %s", p->error);
    }
}

static void look_at_clocks(struct ward *w)
{
    int64_t all[NODES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        if (w->patient[i].status != NULL)
            all[n++] = w->patient[i].clock_ms;
    if (n == 0)
        return;
    qsort(all, n, sizeof(all[0]), by_value);
    w->clock_ms = all[(n - 1) / 2];
    for (size_t i = 0; i < w->n; i++) {
        struct patient *p = &w->patient[i];
        int64_t off = p->clock_ms - w->clock_ms;
        if (p->status != NULL && llabs(off) > CLOCK_MS_MAX + p->doubt_ms)
            find(w, "clock", p->url,
                 "set its clock right (NTP, at least three sources): the others refuse what it "
                 "proposes, which costs a round at each of its turns",
                 "its clock is %lld ms %s most others'", (long long)llabs(off),
                 off > 0 ? "ahead of" : "behind");
    }
    if (n > 1 && llabs(w->clock_ms) > CLOCK_MS_MAX + 1000)
        find(w, "own_clock", "", "set this machine's clock right before it signs envelopes",
             "this machine's clock is %lld ms %s the nodes'", (long long)llabs(w->clock_ms),
             w->clock_ms < 0 ? "ahead of" : "behind");
}

static void look_at_disk(struct ward *w, const struct patient *p)
{
    uint64_t mib = number(at(p->status, "disk", "free")) >> 20;

    if (json_is_true(at(p->status, "disk", "full")))
        find(w, "disk_full", p->url,
             "make room on the data directory's file system; the node goes on by itself, nothing "
             "is lost",
             "its disk is full (%llu MiB free): what is decided waits to be written",
             (unsigned long long)mib);
    else if (json_is_true(at(p->status, "disk", "low")))
        find(w, "disk_low", p->url, "make room; until then clients use another node",
             "its disk is nearly full (%llu MiB free): it takes no new envelopes",
             (unsigned long long)mib);
}

static void look_at_signing(struct ward *w, const struct patient *p)
{
    const json_t *v = json_object_get(p->status, "voting");
    const char *stopped = text(json_object_get(v, "stopped"));
    const char *from = text(json_object_get(v, "from_height"));

    if (stopped[0] != '\0') {
        bool twin = strstr(stopped, "somebody else signs") != NULL;
        bool differs = strstr(stopped, "result") != NULL || strstr(stopped, "judges") != NULL;
        find(
            w,
            twin      ? "same_identity"
            : differs ? "diverged"
                      : "stopped",
            p->url,
            twin ? "find the second process or machine with this node key and stop it, then start "
                   "this node again"
            : differs
                ? "keep its data directory; `anju audit` it, compare its version with the others'; "
                  "then let it fetch the ledger again into an empty directory"
                : "keep its data directory and look at its log; `anju audit` tells whether the "
                  "ledger is sound",
            "it has stopped signing: %s", stopped);
    }
    if (text(json_object_get(v, "alarm"))[0] != '\0')
        find(w, "diverged", p->url,
             "compare the versions of all nodes and `anju audit` each: the ones that differ from "
             "the quorum are wrong",
             "alarm at height %s: %s", text(json_object_get(v, "alarm_height")),
             text(json_object_get(v, "alarm")));
    if (json_object_get(v, "guard") != NULL && from[0] != '\0')
        find(w, "guard_lost", p->url,
             "nothing: it votes again by itself at that height; do not delete its files",
             "it follows and does not vote before height %s, since it cannot know what it signed: "
             "%s",
             from, text(json_object_get(v, "guard")));
    else if (json_object_get(v, "guard") != NULL)
        find(w, "guard_lost", p->url,
             "bring the other validators up and in touch with it; do not delete its files",
             "it follows and does not vote, since it cannot know what it signed: %s; %llu of the "
             "%llu other validators that it needs have told it how far they are",
             text(json_object_get(v, "guard")),
             (unsigned long long)number(json_object_get(v, "vouched")),
             (unsigned long long)number(json_object_get(v, "quorum")));
    if (number(json_object_get(v, "evidence")) > 0)
        find(w, "evidence", p->url, "`anju evidence` shows the proofs and whom they name",
             "it has seen %llu contradicting signatures of one validator",
             (unsigned long long)number(json_object_get(v, "evidence")));
}

static void look_at_twin(struct ward *w, const struct patient *p)
{
    const json_t *twin = json_object_get(p->status, "twin");
    int64_t age = wall_of(text(json_object_get(p->status, "now"))) -
                  wall_of(text(json_object_get(twin, "last")));
    char name[120];

    if (twin == NULL || age > TWIN_MS)
        return;
    name_node(name, sizeof(name), w, text(json_object_get(twin, "node")));
    find(w, "same_identity", p->url,
         "find the second process or machine with this node key and stop it at once; never copy a "
         "node key to two machines",
         "a second node with the identity of %s asked for a connection %llu times, the last time "
         "%lld s ago",
         name, (unsigned long long)number(json_object_get(twin, "count")), (long long)age / 1000);
}

static uint64_t highest(const struct ward *w)
{
    uint64_t most = 0;

    for (size_t i = 0; i < w->n; i++) {
        uint64_t h = number(json_object_get(w->patient[i].status, "height"));
        uint64_t seen = number(at(w->patient[i].status, "peers", "highest_height"));
        most = h > most ? h : most;
        most = seen > most ? seen : most;
    }
    return most;
}

static void look_at_height(struct ward *w, const struct patient *p)
{
    uint64_t h = number(json_object_get(p->status, "height")), most = highest(w);

    if (h + 2 < most)
        find(w, "behind", p->url,
             "wait: it fetches and executes what it missed; where the number does not grow, look "
             "at its log and at its connections",
             "it is at height %llu of %llu", (unsigned long long)h, (unsigned long long)most);
}

/* Whom a node does not see, and whether what it sees is a quorum. */
static void look_at_quorum(struct ward *w, const struct patient *p)
{
    const json_t *all = json_object_get(p->status, "validators"), *v;
    uint64_t connected = 0, voting = 0, quorum = number(at(p->status, "voting", "quorum"));
    char missing[600] = "", silent[600] = "", name[120];
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)all, i, v)
    {
        bool up = json_is_true(json_object_get(v, "connected"));
        connected += up;
        voting += up && (json_is_true(json_object_get(v, "votes")) ||
                         json_is_true(json_object_get(v, "voted")));
        name_node(name, sizeof(name), w, text(json_object_get(v, "node")));
        if (!up)
            snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), "%s%s",
                     missing[0] != '\0' ? ", " : "", name);
        else if (!json_is_true(json_object_get(v, "voted")))
            snprintf(silent + strlen(silent), sizeof(silent) - strlen(silent), "%s%s",
                     silent[0] != '\0' ? ", " : "", name);
    }
    if (connected < quorum || voting < quorum)
        find(w, "no_quorum", p->url,
             "bring the missing nodes or the network between them back; nothing is lost and "
             "nothing forks meanwhile",
             "it reaches %llu validators of which %llu vote, itself included, and %llu are needed; "
             "not connected: %s",
             (unsigned long long)connected, (unsigned long long)voting, (unsigned long long)quorum,
             missing[0] != '\0' ? missing : "none");
    else if (missing[0] != '\0')
        find(w, "not_connected", p->url,
             "start the missing nodes, or look at the network between them and this one",
             "it has no connection with %s", missing);
    if (number(at(p->status, "consensus", "waiting_ms")) > STALLED_MS ||
        number(at(p->status, "consensus", "round")) >= ROUND_STALLED)
        find(w, "stalled", p->url,
             "look at the validators that are named, in this list and in their logs",
             "height %s stands still in round %llu, step %s, and envelopes have waited for %llu "
             "s; of this round it has no vote of: %s",
             text(at(p->status, "consensus", "height")),
             (unsigned long long)number(at(p->status, "consensus", "round")),
             text(at(p->status, "consensus", "step")),
             (unsigned long long)number(at(p->status, "consensus", "waiting_ms")) / 1000,
             silent[0] != '\0' ? silent : "none that it reaches");
}

static json_t *checkpoint(struct ward *w, const struct patient *p, uint64_t height)
{
    struct tool_client *client = NULL;
    json_t *out = NULL, *error = NULL;
    char h[32];

    snprintf(h, sizeof(h), "%llu", (unsigned long long)height);
    if (tool_client_open(&client, p->url, w->registry) == ANJU_OK) {
        tool_client_timeout(client, CALL_S);
        if (tool_call(client, &out, &error, "ledger.checkpoint", json_pack("{s:s}", "height", h)) !=
            ANJU_OK)
            out = NULL;
    }
    tool_client_close(client);
    json_decref(error);
    return out;
}

/* All at the last height that all have: one block, one result. */
static void look_at_results(struct ward *w)
{
    uint64_t least = UINT64_MAX;
    json_t *first = NULL;
    const char *first_url = "";

    for (size_t i = 0; i < w->n; i++) {
        uint64_t h = number(json_object_get(w->patient[i].status, "height"));
        if (w->patient[i].status != NULL && h < least)
            least = h;
    }
    for (size_t i = 0; i < w->n && least != UINT64_MAX && least > 0; i++) {
        json_t *c = w->patient[i].status != NULL ? checkpoint(w, &w->patient[i], least) : NULL;
        if (c != NULL && first == NULL) {
            first = json_incref(c);
            first_url = w->patient[i].url;
        } else if (c != NULL &&
                   (!json_equal(json_object_get(c, "block"), json_object_get(first, "block")) ||
                    !json_equal(json_object_get(c, "result_id"),
                                json_object_get(first, "result_id")))) {
            find(w, "fork", w->patient[i].url,
                 "stop taking new records; keep all data directories; `anju audit` each and "
                 "`anju evidence` tell which validators signed both",
                 "at height %llu it has another block or result than %s", (unsigned long long)least,
                 first_url);
        }
        json_decref(c);
    }
    json_decref(first);
}

/* ---- The data directory ---- */

static bool is_there(const char *dir, const char *name, struct stat *st)
{
    char path[1200];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return stat(path, st) == 0;
}

static void look_at_guard(struct ward *w, const char *dir)
{
    char words[300] = "", path[1200];
    struct stat st;
    int fd;

    if (!is_there(dir, "guard.lost", &st)) {
        if (store_exists(dir) && !is_there(dir, "guard", &st))
            find(w, "guard_lost", dir,
                 "start the node: it follows until it is known what it may have signed",
                 "there is a ledger and no guard beside it");
        return;
    }
    snprintf(path, sizeof(path), "%s/guard.lost", dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t got = read(fd, words, sizeof(words) - 1);
        words[got > 0 ? got : 0] = '\0';
        words[strcspn(words, "\n")] = '\0';
        close(fd);
    }
    find(w, "guard_lost", dir,
         "leave the file: the node follows, and votes again by itself when enough others have told "
         "it how far they are",
         "the guard is lost: %s", words);
}

static void look_at_directory(struct ward *w, const struct node_config *c)
{
    struct statvfs fs;
    struct stat st;
    char path[1200];
    int fd;

    if (stat(c->data, &st) != 0) {
        find(w, errno == ENOENT ? "new" : "directory", c->data,
             "if this node ran before, look for its disk: it is not mounted, or the path is wrong",
             "the data directory: %s", strerror(errno));
        return;
    }
    if (statvfs(c->data, &fs) == 0) {
        uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize,
                 percent = fs.f_blocks == 0 ? 100 : fs.f_bavail * 100 / fs.f_blocks;
        if ((fs.f_flag & ST_RDONLY) != 0)
            find(w, "read_only", c->data,
                 "look at the kernel's log for disk errors, mount it for writing, start the node",
                 "the file system of the data directory is read-only");
        if (free_bytes < (4 << 20) || fs.f_bavail == 0)
            find(w, "disk_full", c->data, "make room; the node goes on by itself",
                 "the file system is full: %llu KiB free", (unsigned long long)free_bytes >> 10);
        else if (free_bytes < c->free_min && percent < c->free_percent)
            find(w, "disk_low", c->data, "make room; until then the node takes no new envelopes",
                 "the file system is nearly full: %llu MiB free",
                 (unsigned long long)free_bytes >> 20);
    }
    look_at_guard(w, c->data);
    snprintf(path, sizeof(path), "%s/guard", c->data);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0)
        find(w, "not_running", c->data,
             "start it; if it ends at once, its log's last lines say why, and `anju audit` checks "
             "the "
             "ledger",
             "no process has the data directory open: the node does not run");
    if (fd >= 0)
        close(fd);
}

/* ---- The command ---- */

static int print(struct ward *w)
{
    size_t i, n = json_array_size(w->findings);
    json_t *f;

    if (tool_json) {
        tool_print_json(json_pack("{s:b, s:i, s:O}", "healthy", n == 0, "nodes", (int)w->n,
                                  "findings", w->findings));
        return n == 0 ? TOOL_OK : TOOL_REFUSED;
    }
    json_array_foreach(w->findings, i, f)
    {
        printf("%s  [%s]\n  %s\n  next: %s\n", text(json_object_get(f, "node")),
               text(json_object_get(f, "cause")), text(json_object_get(f, "words")),
               text(json_object_get(f, "next")));
    }
    if (n == 0)
        printf("%zu nodes asked: nothing is wrong, at height %llu\n", w->n,
               (unsigned long long)highest(w));
    return n == 0 ? TOOL_OK : TOOL_REFUSED;
}

static void examine(struct ward *w)
{
    look_at_answers(w);
    look_at_clocks(w);
    for (size_t i = 0; i < w->n; i++) {
        const struct patient *p = &w->patient[i];
        if (p->status == NULL)
            continue;
        look_at_disk(w, p);
        look_at_signing(w, p);
        look_at_twin(w, p);
        look_at_height(w, p);
        look_at_quorum(w, p);
    }
    look_at_results(w);
}

/* What was given, else what the configuration names. */
static const char *genesis_of(const struct tool_option *genesis, const char *config_file,
                              const struct node_config *config)
{
    if (config_file != NULL && tool_option_value(genesis, 0) == NULL)
        return config->genesis;
    return genesis->given;
}

int cmd_doctor(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        {"--url", "URL", "a node to ask; may be given several times (all of genesis)", NULL, NULL},
        {"--config", "FILE", "look into this node's data directory, too", NULL, NULL},
        {0}};
    const struct tool_usage usage = {
        "doctor", "[--genesis FILE] [--url URL]... [--config anjud.conf]",
        "Says what is wrong with the nodes of a ledger, and the next step. Exit code 1 where "
        "something is.",
        "anju doctor --genesis genesis.json --config anjud.conf", options};
    struct node_config config = {0};
    struct ward *w;
    struct nodes nodes;
    int n, code = tool_args(&usage, argc, argv, &n, 0, 0);

    if (code >= 0)
        return code;
    if (options[2].given != NULL && node_config_read(&config, options[2].given) != ANJU_OK)
        return tool_fail_err();
    w = anju_alloc(sizeof(*w));
    if (tool_open_genesis(&w->registry, genesis_of(&options[0], options[2].given, &config)) !=
        ANJU_OK) {
        free(w);
        node_config_free(&config);
        return tool_fail_err();
    }
    w->findings = json_array();
    nodes_init(&nodes, &options[1], w->registry);
    w->n = nodes.count;
    for (size_t i = 0; i < w->n; i++) {
        w->patient[i].url = nodes.url[i];
        ask(w, &w->patient[i]);
    }
    examine(w);
    if (options[2].given != NULL)
        look_at_directory(w, &config);
    code = print(w);
    for (size_t i = 0; i < w->n; i++)
        json_decref(w->patient[i].status);
    json_decref(w->findings);
    nodes_deinit(&nodes);
    node_config_free(&config);
    free(w);
    return code;
}
