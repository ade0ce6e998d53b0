#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/tools.h"

bool tool_json;
static const char *command = "";

/* Every value of every option, in the order given. */
enum { GIVEN_MAX = 64 };
static struct {
    const struct tool_option *option;
    const char *value;
} given[GIVEN_MAX];
static size_t given_count;

/* Arguments. */

static void print_option(FILE *out, const struct tool_option *o)
{
    char left[64];

    snprintf(left, sizeof(left), "%s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
    fprintf(out, "  %-24s %s", left, o->help);
    if (o->fallback != NULL)
        fprintf(out, " (default %s)", o->fallback);
    fputc('\n', out);
}

static void print_help(const struct tool_usage *u)
{
    printf("usage: anju %s %s\n\n%s\n\n", u->command, u->synopsis, u->summary);
    for (const struct tool_option *o = u->options; o->name != NULL; o++)
        print_option(stdout, o);
    printf("  %-24s %s\n  %-24s %s\n", "--json", "print JSON for programs", "--help", "this help");
    printf("\nexample:\n  %s\n", u->example);
}

static int usage_error(const struct tool_usage *u, const char *what, const char *arg)
{
    fprintf(stderr, "anju %s: %s%s%s%s\nusage: anju %s %s\n'anju %s --help' has the options.\n", u->command, what,
            arg != NULL ? " '" : "", arg != NULL ? arg : "", arg != NULL ? "'" : "", u->command, u->synopsis, u->command);
    return TOOL_USAGE;
}

static struct tool_option *find_option(const struct tool_usage *u, const char *arg, size_t size)
{
    for (struct tool_option *o = u->options; o->name != NULL; o++)
        if (strlen(o->name) == size && memcmp(o->name, arg, size) == 0)
            return o;
    return NULL;
}

int tool_args(const struct tool_usage *u, int argc, char **argv, int *n, int min, int max)
{
    bool options = true;

    command = u->command;
    *n = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *equals = strchr(arg, '=');
        if (!options || arg[0] != '-' || arg[1] == '\0') {
            argv[++*n] = argv[i];
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            options = false;
            continue;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            print_help(u);
            return TOOL_OK;
        }
        if (strcmp(arg, "--json") == 0) {
            tool_json = true;
            continue;
        }
        struct tool_option *o = find_option(u, arg, equals != NULL ? (size_t)(equals - arg) : strlen(arg));
        if (o == NULL)
            return usage_error(u, "unknown option", arg);
        if (o->value == NULL && equals != NULL)
            return usage_error(u, "this option takes no value:", arg);
        if (o->value != NULL && equals == NULL && i + 1 >= argc)
            return usage_error(u, "a value is missing after", arg);
        o->given = o->value == NULL ? "" : equals != NULL ? equals + 1 : argv[++i];
        if (given_count == GIVEN_MAX)
            return usage_error(u, "too many options:", arg);
        given[given_count].option = o;
        given[given_count++].value = o->given;
    }
    for (struct tool_option *o = u->options; o->name != NULL; o++)
        if (o->given == NULL)
            o->given = o->fallback;
    if (*n < min)
        return usage_error(u, "an argument is missing", NULL);
    if (*n > max)
        return usage_error(u, "one argument too many:", argv[max + 1]);
    return -1;
}

const char *tool_option_value(const struct tool_option *option, size_t index)
{
    for (size_t i = 0; i < given_count; i++)
        if (given[i].option == option && index-- == 0)
            return given[i].value;
    return NULL;
}

/* Words. */

int tool_fail(int code, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "anju %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

int tool_fail_err(void)
{
    return tool_fail(TOOL_FAILED, "%s", anju_err_text());
}

void tool_print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    printf("%s\n", text != NULL ? text : "null");
    free(text);
    json_decref(value);
}

/* How many columns a UTF-8 text takes on a terminal: characters of East Asian scripts take two. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if ((*p & 0xc0) == 0x80)
            continue;
        width += *p >= 0xe2 && *p <= 0xef && !(*p == 0xe2 && p[1] < 0xba) ? 2 : 1;
    }
    return width;
}

struct tool_table {
    size_t columns, rows, room;
    char **cells; /* rows x columns, the heads first */
};

struct tool_table *tool_table_new(const char *const *heads, size_t columns)
{
    struct tool_table *t = anju_alloc(sizeof(*t));

    t->columns = columns;
    tool_table_row(t, heads);
    return t;
}

void tool_table_row(struct tool_table *t, const char *const *cells)
{
    if (t->rows == t->room) {
        t->room = t->room > 0 ? 2 * t->room : 16;
        t->cells = anju_realloc(t->cells, t->room * t->columns * sizeof(*t->cells));
    }
    for (size_t i = 0; i < t->columns; i++)
        t->cells[t->rows * t->columns + i] = anju_strdup(cells[i] != NULL ? cells[i] : "");
    t->rows++;
}

void tool_table_free(struct tool_table *t)
{
    for (size_t i = 0; i < t->rows * t->columns; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

void tool_table_print(struct tool_table *t)
{
    for (size_t row = 0; row < t->rows; row++) {
        for (size_t i = 0; i < t->columns; i++) {
            const char *cell = t->cells[row * t->columns + i];
            size_t widest = 0;
            for (size_t r = 0; r < t->rows; r++)
                widest = width_of(t->cells[r * t->columns + i]) > widest ? width_of(t->cells[r * t->columns + i]) : widest;
            bool last = i + 1 == t->columns;
            printf("%s%*s%s", cell, last ? 0 : (int)(widest - width_of(cell)), "", last ? "\n" : "  ");
        }
    }
    tool_table_free(t);
}

uint64_t tool_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void tool_progress_begin(struct tool_progress *p, const char *label, uint64_t total)
{
    *p = (struct tool_progress){.label = label, .total = total, .started_ms = tool_now_ms()};
}

static void draw(struct tool_progress *p, uint64_t done, uint64_t now)
{
    double share = p->total > 0 ? (double)done / (double)p->total : 1.0;
    double seconds = (double)(now - p->started_ms) / 1000.0, rate = seconds > 0 ? (double)done / seconds : 0;
    char bar[31];

    for (size_t i = 0; i < 30; i++)
        bar[i] = (double)i < share * 30 ? '#' : '.';
    bar[30] = '\0';
    fprintf(stderr, "\r%s [%s] %3.0f %%  %.0f/s  %.0f s left  ", p->label, bar, share * 100, rate,
            rate > 0 ? (double)(p->total - done) / rate : 0.0);
}

void tool_progress_set(struct tool_progress *p, uint64_t done)
{
    uint64_t now = tool_now_ms();

    if (!isatty(STDERR_FILENO) || now - p->drawn_ms < 100)
        return;
    p->drawn_ms = now;
    draw(p, done, now);
}

void tool_progress_end(struct tool_progress *p)
{
    if (!isatty(STDERR_FILENO))
        return;
    draw(p, p->total, tool_now_ms());
    fputc('\n', stderr);
}

/* Files. */

static enum anju_err read_stream(struct bytes *out, FILE *in, const char *path, size_t max, struct arena *a)
{
    struct writer w = {0};
    char buffer[65536];
    size_t got;
    enum anju_err err = ANJU_OK;

    while ((got = fread(buffer, 1, sizeof(buffer), in)) > 0 && w.size <= max)
        writer_put(&w, buffer, got);
    if (ferror(in))
        err = anju_fail(ANJU_ERR_IO, "%s: %s", path, strerror(errno));
    else if (w.size > max)
        err = anju_fail(ANJU_ERR_TOO_LARGE, "%s: over %zu bytes", path, max);
    else
        *out = arena_copy(a, writer_view(&w));
    writer_free(&w);
    return err;
}

enum anju_err tool_read_file(struct bytes *out, const char *path, size_t max, struct arena *a)
{
    if (strcmp(path, "-") == 0)
        return read_stream(out, stdin, "standard input", max, a);
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return anju_fail(ANJU_ERR_IO, "%s: %s", path, strerror(errno));
    enum anju_err err = read_stream(out, in, path, max, a);
    fclose(in);
    return err;
}

enum anju_err tool_write_file(const char *path, struct bytes data, unsigned mode, bool replace)
{
    char beside[4096];
    int fd = -1;
    size_t done = 0;

    if (!replace && access(path, F_OK) == 0)
        return anju_fail(ANJU_ERR_EXISTS, "%s is there already; it is left as it is", path);
    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
        return anju_fail(ANJU_ERR_TOO_LARGE, "%s: the path is too long", path);
    if ((fd = mkstemp(beside)) < 0)
        return anju_fail(ANJU_ERR_IO, "%s: %s", beside, strerror(errno));
    while (done < data.size) {
        ssize_t n = write(fd, data.data + done, data.size - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    bool good = done == data.size && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (good && rename(beside, path) == 0)
        return ANJU_OK;
    error = good ? errno : error;
    unlink(beside);
    return anju_fail(ANJU_ERR_IO, "%s: %s", path, strerror(error));
}

enum anju_err tool_read_secret(struct crypto_secret *out, const char *path)
{
    struct arena a = {0};
    struct bytes text;
    struct stat st;
    char hex[2 * CRYPTO_SECRET_SIZE + 1];
    struct crypto_key key;

    enum anju_err err = tool_read_file(&text, path, 256, &a);
    if (err != ANJU_OK)
        return err;
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        err = anju_fail(ANJU_ERR_MISMATCH, "%s: others may read this key file; run 'chmod 600 %s'", path, path);
    else if (text.size != sizeof(hex) || text.data[sizeof(hex) - 1] != '\n')
        err = anju_fail(ANJU_ERR_MALFORMED, "%s: not a key file (64 hexadecimal digits and a line end)", path);
    else {
        memcpy(hex, text.data, sizeof(hex) - 1);
        hex[sizeof(hex) - 1] = '\0';
        err = hex_decode(out->b, sizeof(out->b), hex);
        if (err == ANJU_OK)
            err = crypto_key_of(&key, out);
        if (err != ANJU_OK)
            err = anju_fail(ANJU_ERR_MALFORMED, "%s: not a secret key of the curve", path);
    }
    bytes_wipe(hex, sizeof(hex));
    bytes_wipe((void *)(uintptr_t)text.data, text.size);
    arena_free(&a);
    return err;
}
