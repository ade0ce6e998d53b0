#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tools.h"

struct tool_client {
    CURL *curl;
    char url[512];
    char pins[64 * LEDGER_SET_MAX];
    struct curl_slist *json, *binary;
    char error[CURL_ERROR_SIZE];
    uint64_t next_id;
    long timeout_s;
};

/* Appends "sha256//BASE64" of a node's TLS key. */
static void add_pin(char *pins, size_t room, const struct crypto_hash *spki)
{
    char base64[48];
    size_t size = strlen(pins);

    base64_encode(base64, spki->b, sizeof(spki->b));
    snprintf(pins + size, room - size, "%ssha256//%s", size > 0 ? ";" : "", base64);
}

/* The keys that may answer at `url`: that of the node with this address, else any node's. */
static void choose_pins(struct tool_client *c, const struct ledger_registry *r)
{
    const char *at = strstr(c->url, "://");

    for (uint32_t i = 0; i < r->genesis->n_nodes; i++)
        if (at != NULL && strcmp(at + 3, r->genesis->nodes[i].rpc) == 0)
            add_pin(c->pins, sizeof(c->pins), &r->genesis->nodes[i].tls_spki);
    if (c->pins[0] != '\0')
        return;
    for (uint32_t i = 0; i < r->genesis->n_nodes; i++)
        add_pin(c->pins, sizeof(c->pins), &r->genesis->nodes[i].tls_spki);
}

enum anju_err tool_client_open(struct tool_client **out, const char *url, const struct ledger_registry *registry)
{
    struct tool_client *c = anju_alloc(sizeof(*c));

    if (registry->genesis->n_nodes == 0) {
        free(c);
        return anju_fail(ANJU_ERR_NOT_FOUND, "the genesis document names no nodes");
    }
    if (url == NULL)
        snprintf(c->url, sizeof(c->url), "https://%s", registry->genesis->nodes[0].rpc);
    else if (strncmp(url, "https://", 8) != 0 || strlen(url) >= sizeof(c->url) - 8) {
        free(c);
        return anju_fail(ANJU_ERR_MALFORMED, "--url %s: must be https://HOST:PORT", url);
    } else
        snprintf(c->url, sizeof(c->url), "%s", url);
    size_t size = strlen(c->url);
    while (size > 8 && c->url[size - 1] == '/')
        c->url[--size] = '\0';
    choose_pins(c, registry);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    c->curl = curl_easy_init();
    if (c->curl == NULL)
        abort();
    c->timeout_s = 60;
    c->json = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
    c->binary = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/octet-stream"), "Expect:");
    *out = c;
    return ANJU_OK;
}

void tool_client_close(struct tool_client *c)
{
    if (c == NULL)
        return;
    curl_slist_free_all(c->json);
    curl_slist_free_all(c->binary);
    curl_easy_cleanup(c->curl);
    free(c);
}

void tool_client_timeout(struct tool_client *c, long seconds)
{
    c->timeout_s = seconds;
}

static size_t take(char *data, size_t one, size_t size, void *arg)
{
    writer_put(arg, data, one * size);
    return one * size;
}

/* Posts and gives the body of the answer; the writer is the caller's. */
static enum anju_err post(struct tool_client *c, struct writer *answer, struct curl_slist *head, struct bytes body)
{
    char path[sizeof(c->url) + 8];
    long status = 0;

    snprintf(path, sizeof(path), "%s/rpc", c->url);
    curl_easy_reset(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_URL, path);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, c->timeout_s);
    curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    /* The key is pinned from genesis: names and certificate authorities have no say. */
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(c->curl, CURLOPT_PINNEDPUBLICKEY, c->pins);
    c->error[0] = '\0';
    CURLcode rc = curl_easy_perform(c->curl);
    if (rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        return anju_fail(ANJU_ERR_MISMATCH, "%s: its TLS key is none of the nodes' in the genesis document", c->url);
    if (rc != CURLE_OK)
        return anju_fail(ANJU_ERR_IO, "%s: %s; is the node running there?", c->url, c->error[0] != '\0' ? c->error : curl_easy_strerror(rc));
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return anju_fail(ANJU_ERR_IO, "%s: HTTP status %ld: %.*s", c->url, status, (int)(answer->size < 200 ? answer->size : 200),
                         answer->size > 0 ? (const char *)answer->data : "");
    return ANJU_OK;
}

static enum anju_err post_json(struct tool_client *c, json_t **answer, struct curl_slist *head, struct bytes body)
{
    struct writer w = {0};
    json_error_t error;
    enum anju_err err = post(c, &w, head, body);

    if (err == ANJU_OK) {
        *answer = json_loadb(w.size > 0 ? (const char *)w.data : "", w.size, 0, &error);
        if (*answer == NULL)
            err = anju_fail(ANJU_ERR_MALFORMED, "%s: the answer is not JSON", c->url);
    }
    writer_free(&w);
    return err;
}

enum anju_err tool_call(struct tool_client *c, json_t **result, json_t **error, const char *method, json_t *params)
{
    json_t *request = json_object(), *answer = NULL;

    *result = NULL;
    *error = NULL;
    json_object_set_new(request, "jsonrpc", json_string("2.0"));
    json_object_set_new(request, "id", json_integer((json_int_t)++c->next_id));
    json_object_set_new(request, "method", json_string(method));
    json_object_set_new(request, "params", params);
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    if (text == NULL)
        return anju_fail(ANJU_ERR_MALFORMED, "%s: the params are not JSON (invalid UTF-8?)", method);
    enum anju_err err = post_json(c, &answer, c->json, bytes_of_text(text));
    free(text);
    if (err != ANJU_OK)
        return err;
    *result = json_incref(json_object_get(answer, "result"));
    *error = json_incref(json_object_get(answer, "error"));
    json_decref(answer);
    if (*error != NULL) {
        const char *message = json_string_value(json_object_get(*error, "message"));
        return anju_fail(ANJU_ERR_MISMATCH, "%s: %s", method, message != NULL ? message : "error");
    }
    return *result != NULL ? ANJU_OK : anju_fail(ANJU_ERR_MALFORMED, "%s: the answer has no result", c->url);
}

enum anju_err tool_send_batch(struct tool_client *c, json_t **answer, struct bytes batch)
{
    return post_json(c, answer, c->binary, batch);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

int tool_print_error(const json_t *error)
{
    const json_t *data = json_object_get(error, "data");
    static const char *const LINES[] = {"reason", "procedure", "action", "clause", "field", "record", "current_version", "hint"};

    if (tool_json) {
        json_t *out = json_object();
        json_object_set(out, "error", (json_t *)(uintptr_t)error);
        tool_print_json(out);
        return TOOL_REFUSED;
    }
    tool_fail(TOOL_REFUSED, "%s", text_of(error, "message"));
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        const json_t *value = json_object_get(data, LINES[i]);
        if (json_is_string(value))
            fprintf(stderr, "  %-16s %s\n", LINES[i], json_string_value(value));
        else if (json_is_integer(value))
            fprintf(stderr, "  %-16s %lld\n", LINES[i], (long long)json_integer_value(value));
    }
    return TOOL_REFUSED;
}
