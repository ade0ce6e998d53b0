#include "rpc/http_head.h"

#include <string.h>
#include <strings.h>

static int refuse(const char **why, int status, const char *words)
{
    *why = words;
    return status;
}

static bool is_token_char(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL; /* RFC 9110, 5.6.2 */
}

static bool is_token(struct bytes b)
{
    for (size_t i = 0; i < b.size; i++)
        if (!is_token_char(b.data[i]))
            return false;
    return b.size > 0;
}

static bool is_text(struct bytes b, const char *text)
{
    return b.size == strlen(text) && strncasecmp((const char *)b.data, text, b.size) == 0;
}

/* Where the head ends (after CRLFCRLF), 0 where it does not yet. The bytes before that have no
 * control byte but CR directly before LF; *bad is set at the first that breaks this. */
static size_t find_end(struct bytes in, bool *bad)
{
    size_t limit = in.size < HTTP_HEAD_SIZE_MAX ? in.size : HTTP_HEAD_SIZE_MAX;

    *bad = false;
    for (size_t i = 0; i < limit; i++) {
        uint8_t c = in.data[i];
        bool after_cr = i > 0 && in.data[i - 1] == '\r';
        if ((c == '\n') != after_cr || (c < 0x20 && c != '\r' && c != '\n') || c == 0x7f) {
            *bad = true;
            return 0;
        }
        if (c == '\n' && i >= 3 && in.data[i - 2] == '\n')
            return i + 1;
    }
    return 0;
}

static struct bytes next_line(struct bytes *rest)
{
    const uint8_t *end = memchr(rest->data, '\r', rest->size);
    struct bytes line = {rest->data, (size_t)(end - rest->data)};

    *rest = bytes_of(end + 2, rest->size - line.size - 2);
    return line;
}

static bool split(struct bytes *left, struct bytes *right, struct bytes in, char at)
{
    const uint8_t *mid = in.size > 0 ? memchr(in.data, at, in.size) : NULL;

    if (mid == NULL)
        return false;
    *left = bytes_of(in.data, (size_t)(mid - in.data));
    *right = bytes_of(mid + 1, in.size - left->size - 1);
    return true;
}

static int parse_request_line(struct http_head *out, const char **why, struct bytes line)
{
    struct bytes method, rest, version;

    if (!split(&method, &rest, line, ' ') || !split(&out->path, &version, rest, ' ') || !is_token(method))
        return refuse(why, 400, "the request line is not METHOD SP PATH SP HTTP/1.1");
    if (version.size != 8 || memcmp(version.data, "HTTP/", 5) != 0)
        return refuse(why, 400, "the request line does not end in HTTP/1.1");
    if (memcmp(version.data, "HTTP/1.1", 8) != 0)
        return refuse(why, 505, "only HTTP/1.1 is spoken here");
    if (bytes_equal(method, bytes_of_text("GET")))
        out->method = HTTP_GET;
    else if (bytes_equal(method, bytes_of_text("POST")))
        out->method = HTTP_POST;
    else
        return refuse(why, 501, "only GET and POST are known");
    if (out->path.size == 0 || out->path.data[0] != '/')
        return refuse(why, 400, "the request target is not a path that begins with /");
    return HTTP_HEAD_OK;
}

static bool parse_length(uint64_t *out, struct bytes text)
{
    *out = 0;
    if (text.size == 0 || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

struct seen {
    bool host, length, type, coding;
    unsigned count;
};

static int parse_field(struct http_head *out, struct seen *seen, const char **why, struct bytes line)
{
    struct bytes name, value;

    if (++seen->count > HTTP_HEAD_FIELDS_MAX)
        return refuse(why, 431, "more than 100 header fields");
    if (line.data[0] == ' ')
        return refuse(why, 400, "a header line begins with a space (line folding)");
    if (!split(&name, &value, line, ':') || !is_token(name))
        return refuse(why, 400, "a header line is not NAME: VALUE");
    while (value.size > 0 && value.data[0] == ' ')
        value = bytes_of(value.data + 1, value.size - 1);
    while (value.size > 0 && value.data[value.size - 1] == ' ')
        value.size--;
    if (is_text(name, "host")) {
        if (seen->host || value.size == 0)
            return refuse(why, 400, "Host must be there once and not be empty");
        seen->host = true;
    } else if (is_text(name, "content-length")) {
        if (seen->length || !parse_length(&out->content_length, value))
            return refuse(why, 400, "Content-Length must be there once, as decimal digits");
        seen->length = true;
    } else if (is_text(name, "content-type")) {
        if (seen->type)
            return refuse(why, 400, "Content-Type is there twice");
        seen->type = true;
        out->content_type = value;
    } else if (is_text(name, "transfer-encoding")) {
        seen->coding = true;
    } else if (is_text(name, "upgrade")) {
        return refuse(why, 501, "Upgrade is not known here");
    } else if (is_text(name, "expect")) {
        return refuse(why, 417, "Expect is not known here");
    } else if (is_text(name, "connection")) {
        out->close = out->close || is_text(value, "close");
    }
    return HTTP_HEAD_OK;
}

/* What only the fields together can tell. */
static int check_fields(const struct http_head *out, const struct seen *seen, const char **why)
{
    if (seen->coding)
        return seen->length ? refuse(why, 400, "both Content-Length and Transfer-Encoding")
                            : refuse(why, 501, "transfer codings are not known here: send Content-Length");
    if (!seen->host)
        return refuse(why, 400, "Host is missing");
    if (out->method == HTTP_POST && !seen->length)
        return refuse(why, 411, "POST needs Content-Length");
    if (out->method == HTTP_GET && out->content_length != 0)
        return refuse(why, 400, "GET with a body");
    return HTTP_HEAD_OK;
}

int http_head_parse(struct http_head *out, const char **why, struct bytes in)
{
    struct seen seen = {0};
    bool bad;
    size_t end = find_end(in, &bad);

    memset(out, 0, sizeof(*out));
    *why = "";
    if (bad)
        return refuse(why, 400, "a control character, or a line that does not end in CRLF");
    if (end == 0)
        return in.size >= HTTP_HEAD_SIZE_MAX ? refuse(why, 431, "the head is over 8 KiB") : HTTP_HEAD_MORE;
    struct bytes rest = bytes_of(in.data, end - 2);
    int status = parse_request_line(out, why, next_line(&rest));
    while (status == HTTP_HEAD_OK && rest.size > 0)
        status = parse_field(out, &seen, why, next_line(&rest));
    if (status == HTTP_HEAD_OK)
        status = check_fields(out, &seen, why);
    out->size = end;
    return status;
}
