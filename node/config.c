#include "node/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum value_kind { PATH, ADDRESS, FLAG, COUNT, SIZE, LEVEL };

struct key {
    const char *name;
    enum value_kind kind;
    size_t at;      /* offset in struct node_config */
    size_t at_port; /* ADDRESS */
    bool required;
    uint64_t min, max; /* COUNT, SIZE */
};

#define AT(member) offsetof(struct node_config, member)
static const struct key KEYS[] = {
    {"genesis", PATH, AT(genesis), 0, true, 0, 0},
    {"data", PATH, AT(data), 0, true, 0, 0},
    {"node.key", PATH, AT(node_key), 0, true, 0, 0},
    {"log.key", PATH, AT(log_key), 0, false, 0, 0},
    {"cosign.key", PATH, AT(cosign_key), 0, false, 0, 0},
    {"tls.certificate", PATH, AT(tls_certificate), 0, true, 0, 0},
    {"tls.key", PATH, AT(tls_key), 0, true, 0, 0},
    {"peer.listen", ADDRESS, AT(peer_host), AT(peer_port), true, 0, 0},
    {"rpc.listen", ADDRESS, AT(rpc_host), AT(rpc_port), true, 0, 0},
    {"rpc.public", FLAG, AT(rpc_public), 0, false, 0, 0},
    {"rpc.threads", COUNT, AT(rpc_threads), 0, false, 1, 64},
    {"verify.threads", COUNT, AT(verify_threads), 0, false, 1, 64},
    {"log.level", LEVEL, AT(log_level), 0, false, 0, 0},
    {"disk.free_min", SIZE, AT(free_min), 0, false, 1, UINT64_C(1) << 50},
    {"disk.free_percent", COUNT, AT(free_percent), 0, false, 1, 99},
    {"vote", FLAG, AT(vote), 0, false, 0, 0},
};
enum { KEY_COUNT = sizeof(KEYS) / sizeof(KEYS[0]) };

enum anju_err node_read_file(struct bytes *out, const char *file, size_t max, struct arena *a)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *data;
    size_t have = 0;
    ssize_t n = 0;

    if (fd < 0)
        return anju_fail(ANJU_ERR_IO, "%s: cannot open: %s", file, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
        close(fd);
        return anju_fail(ANJU_ERR_TOO_LARGE, "%s: not a regular file of at most %zu bytes", file,
                         max);
    }
    data = arena_alloc(a, (size_t)st.st_size + 1);
    while (have < (size_t)st.st_size && (n = read(fd, data + have, (size_t)st.st_size - have)) > 0)
        have += (size_t)n;
    close(fd);
    if (n < 0)
        return anju_fail(ANJU_ERR_IO, "%s: cannot read: %s", file, strerror(errno));
    *out = bytes_of(data, have);
    return ANJU_OK;
}

/* systemd grants its credentials through an access list, which looks like a readable group. */
static bool is_credential(const char *file)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");

    return folder != NULL && folder[0] == '/' && strncmp(file, folder, strlen(folder)) == 0;
}

enum anju_err node_check_secret_file(const char *file, const char *key)
{
    struct stat st;

    if (stat(file, &st) != 0)
        return anju_fail(ANJU_ERR_IO, "%s: %s: %s; `anju keys new` makes the keys of a node", key,
                         file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return anju_fail(ANJU_ERR_IO, "%s: %s is not a regular file", key, file);
    if ((st.st_mode & (is_credential(file) ? 027 : 077)) != 0)
        return anju_fail(ANJU_ERR_MISMATCH,
                         "%s: %s may be read by others (mode %04o): chmod 0600 it", key, file,
                         (unsigned)(st.st_mode & 07777));
    return ANJU_OK;
}

static const char *resolve(struct node_config *c, const char *value)
{
    const char *slash = strrchr(c->file, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - c->file) + 1, size = strlen(value);
    char *out;

    if (value[0] == '/')
        folder = 0;
    out = arena_alloc(&c->arena, folder + size + 1);
    memcpy(out, c->file, folder);
    memcpy(out + folder, value, size);
    return out;
}

static bool parse_number(uint64_t *out, const char *value, bool with_unit)
{
    char *end;
    unsigned shift = 0;

    if (!isdigit((unsigned char)value[0]))
        return false;
    errno = 0;
    *out = strtoull(value, &end, 10);
    if (with_unit && end[0] != '\0') {
        shift = end[0] == 'K'   ? 10
                : end[0] == 'M' ? 20
                : end[0] == 'G' ? 30
                : end[0] == 'T' ? 40
                                : 0;
        end += shift != 0;
    }
    if (errno != 0 || end[0] != '\0' || (*out << shift) >> shift != *out)
        return false;
    *out <<= shift;
    return true;
}

static bool parse_address(struct node_config *c, const char **host, const char **port,
                          const char *value)
{
    const char *colon = strrchr(value, ':');
    const char *begin = value;
    size_t size;
    uint64_t number;

    if (colon == NULL || colon == value || !parse_number(&number, colon + 1, false) ||
        number == 0 || number > 65535)
        return false;
    size = (size_t)(colon - value);
    if (value[0] == '[' && size > 2 && value[size - 1] == ']') {
        begin++;
        size -= 2;
    } else if (memchr(value, ':', size) != NULL) {
        return false;
    }
    *host = arena_text(&c->arena, bytes_of(begin, size));
    *port = arena_text(&c->arena, bytes_of_text(colon + 1));
    return true;
}

static bool parse_level(enum log_level *out, const char *value)
{
    static const char *const NAMES[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

    for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i], value) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static enum anju_err set(struct node_config *c, const struct key *key, const char *value,
                         unsigned line)
{
    char *at = (char *)c + key->at;
    uint64_t number;

    switch (key->kind) {
    case PATH:
        *(const char **)(void *)at = resolve(c, value);
        return ANJU_OK;
    case ADDRESS:
        if (parse_address(c, (const char **)(void *)at,
                          (const char **)(void *)((char *)c + key->at_port), value))
            return ANJU_OK;
        return anju_fail(ANJU_ERR_MALFORMED,
                         "%s:%u: %s: \"%s\" is not HOST:PORT with a port from 1 to 65535", c->file,
                         line, key->name, value);
    case FLAG:
        if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
            *(bool *)(void *)at = value[0] == 't';
            return ANJU_OK;
        }
        return anju_fail(ANJU_ERR_MALFORMED, "%s:%u: %s: \"%s\" is neither true nor false", c->file,
                         line, key->name, value);
    case COUNT:
    case SIZE:
        if (!parse_number(&number, value, key->kind == SIZE) || number < key->min ||
            number > key->max)
            return anju_fail(
                ANJU_ERR_MALFORMED, "%s:%u: %s: \"%s\" is not a number from %llu to %llu", c->file,
                line, key->name, value, (unsigned long long)key->min, (unsigned long long)key->max);
        if (key->kind == COUNT)
            *(unsigned *)(void *)at = (unsigned)number;
        else
            *(uint64_t *)(void *)at = number;
        return ANJU_OK;
    case LEVEL:
        if (parse_level((enum log_level *)(void *)at, value))
            return ANJU_OK;
        return anju_fail(ANJU_ERR_MALFORMED, "%s:%u: %s: \"%s\" is not error, warn, info or debug",
                         c->file, line, key->name, value);
    }
    return ANJU_OK;
}

static char *trim(char *text)
{
    size_t size;

    while (*text == ' ' || *text == '\t')
        text++;
    size = strlen(text);
    while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL)
        text[--size] = '\0';
    return text;
}

static enum anju_err read_line(struct node_config *c, bool seen[KEY_COUNT], char *text,
                               unsigned line)
{
    char *equals, *name, *value;

    text = trim(text);
    if (text[0] == '\0' || text[0] == '#')
        return ANJU_OK;
    equals = strchr(text, '=');
    if (equals == NULL)
        return anju_fail(ANJU_ERR_MALFORMED, "%s:%u: not of the form `key = value`: %.60s", c->file,
                         line, text);
    *equals = '\0';
    name = trim(text);
    value = trim(equals + 1);
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (strcmp(KEYS[i].name, name) != 0)
            continue;
        if (seen[i])
            return anju_fail(ANJU_ERR_MALFORMED, "%s:%u: %s stands here a second time", c->file,
                             line, name);
        if (value[0] == '\0')
            return anju_fail(ANJU_ERR_MALFORMED, "%s:%u: %s has no value", c->file, line, name);
        seen[i] = true;
        return set(c, &KEYS[i], value, line);
    }
    return anju_fail(ANJU_ERR_MALFORMED,
                     "%s:%u: unknown key \"%.60s\"; docs/anjud.conf.sample lists all keys", c->file,
                     line, name);
}

enum anju_err node_config_read(struct node_config *out, const char *file)
{
    bool seen[KEY_COUNT] = {false};
    struct bytes raw;
    enum anju_err err;
    unsigned line = 1;
    char *text;

    *out = (struct node_config){.rpc_threads = 2,
                                .verify_threads = 2,
                                .log_level = LOG_INFO,
                                .free_min = UINT64_C(1) << 30,
                                .free_percent = 10,
                                .vote = true};
    out->file = arena_text(&out->arena, bytes_of_text(file));
    err = node_read_file(&raw, file, NODE_CONFIG_SIZE_MAX, &out->arena);
    if (err != ANJU_OK)
        return err;
    if (memchr(raw.data, '\0', raw.size) != NULL || !bytes_are_utf8(raw))
        return anju_fail(ANJU_ERR_MALFORMED, "%s: not a text file in UTF-8", file);
    text = arena_text(&out->arena, raw);
    while (text != NULL) {
        char *next = strchr(text, '\n');
        if (next != NULL)
            *next++ = '\0';
        err = read_line(out, seen, text, line++);
        if (err != ANJU_OK)
            return err;
        text = next;
    }
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (KEYS[i].required && !seen[i])
            return anju_fail(ANJU_ERR_MALFORMED, "%s: the key %s is missing", file, KEYS[i].name);
    }
    return ANJU_OK;
}

void node_config_free(struct node_config *c)
{
    arena_free(&c->arena);
}
