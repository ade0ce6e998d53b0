/*
 * anju keys new: makes a member's keys in a folder and prints the public member file, which others put
 * into the genesis document. Secrets never leave the folder.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "rpc/genesis_json.h"
#include "tools/tools.h"

enum { ROLES_MAX = 16 };

static enum anju_err write_secret(const char *dir, const char *name, const uint8_t *secret, size_t size)
{
    char path[4096], text[2 * 32 + 2];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    hex_encode(text, secret, size);
    strcat(text, "\n");
    enum anju_err err = tool_write_file(path, bytes_of_text(text), 0600, false);
    bytes_wipe(text, sizeof(text));
    return err;
}

static enum anju_err make_key(struct crypto_key *out, const char *dir, const char *name)
{
    struct crypto_secret secret;
    enum anju_err err = crypto_secret_new(&secret);

    if (err == ANJU_OK)
        err = crypto_key_of(out, &secret);
    if (err == ANJU_OK)
        err = write_secret(dir, name, secret.b, sizeof(secret.b));
    bytes_wipe(&secret, sizeof(secret));
    return err;
}

static enum anju_err make_ed25519(uint8_t out[CRYPTO_ED25519_SIZE], const char *dir, const char *name)
{
    uint8_t secret[CRYPTO_ED25519_SIZE];
    enum anju_err err = crypto_ed25519_new(secret, out);

    if (err == ANJU_OK)
        err = write_secret(dir, name, secret, sizeof(secret));
    bytes_wipe(secret, sizeof(secret));
    return err;
}

static enum anju_err write_pem(const char *dir, const char *name, BIO *bio, unsigned mode)
{
    char path[4096], *data = NULL;
    long size = BIO_get_mem_data(bio, &data);

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return tool_write_file(path, bytes_of(data, (size_t)size), mode, false);
}

/* A self-signed certificate over a new P-256 key. Nobody checks its name or date: the key is pinned. */
static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();

    if (cert == NULL)
        return NULL;
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"anju node", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    ASN1_TIME_set_string_X509(X509_getm_notBefore(cert), "20200101000000Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "20991231235959Z");
    if (X509_set_pubkey(cert, key) == 1 && X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static enum anju_err make_tls(struct crypto_hash *spki, const char *dir)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key != NULL ? self_signed(key) : NULL;
    BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
    unsigned char *der = NULL;
    int der_size = cert != NULL ? i2d_PUBKEY(key, &der) : -1;
    enum anju_err err = ANJU_ERR_IO;

    if (der_size > 0 && PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_bio_X509(cert_pem, cert) == 1) {
        crypto_sha256(spki, bytes_of(der, (size_t)der_size));
        err = write_pem(dir, "tls.key", key_pem, 0600);
        if (err == ANJU_OK)
            err = write_pem(dir, "tls.crt", cert_pem, 0644);
    } else
        err = anju_fail(ANJU_ERR_IO, "OpenSSL could not make a P-256 key");
    OPENSSL_free(der);
    BIO_free(key_pem);
    BIO_free(cert_pem);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}

static enum anju_err make_node(struct ledger_node_info *node, const char *dir, const char *peer, const char *rpc)
{
    enum anju_err err = make_key(&node->node.node_key, dir, "node.key");

    if (err == ANJU_OK)
        err = make_ed25519(node->node.log_key, dir, "log.key");
    if (err == ANJU_OK)
        err = make_ed25519(node->node.cosign_key, dir, "cosign.key");
    if (err == ANJU_OK)
        err = make_tls(&node->tls_spki, dir);
    ledger_node_id(&node->node.id, &node->node.node_key);
    node->peer = (char *)(uintptr_t)peer;
    node->rpc = (char *)(uintptr_t)rpc;
    return err;
}

/* Splits a copy of "a,b" in place. */
static uint32_t split_roles(char **out, char *text)
{
    uint32_t n = 0;

    for (char *role = strtok(text, ","); role != NULL && n < ROLES_MAX; role = strtok(NULL, ","))
        out[n++] = role;
    return n;
}

/* What a genesis would refuse is said before there are any keys: `m` with throw-away ones, written and read back. */
static enum anju_err check_words(const struct member_file *m)
{
    struct member_file trial = *m, again;
    struct arena arena = {0};
    struct writer text = {0};
    struct crypto_secret secret;
    enum anju_err err = crypto_secret_new(&secret);

    if (err == ANJU_OK)
        err = crypto_key_of(&trial.operator_key, &secret);
    trial.approver_key = trial.node.node.node_key = trial.operator_key;
    if (err == ANJU_OK) {
        member_file_encode(&text, &trial);
        err = member_file_decode(&again, writer_view(&text), &arena);
    }
    writer_free(&text);
    arena_free(&arena);
    return err;
}

/* No file of an earlier member may be in the way: half of the keys would be of no use. */
static enum anju_err check_folder(const char *dir)
{
    static const char *const NAMES[] = {"operator.key", "approver.key", "node.key", "log.key", "cosign.key", "tls.key", "tls.crt", "member.json"};
    char path[4096];

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, NAMES[i]);
        if (access(path, F_OK) == 0)
            return anju_fail(ANJU_ERR_EXISTS, "%s is there already; everything is left as it is", path);
    }
    return ANJU_OK;
}

static int new_keys(const char *dir, struct tool_option *o)
{
    char *roles[ROLES_MAX], *roles_text = anju_strdup(o[3].given);
    struct member_file m = {
        .name_en = (char *)(uintptr_t)o[0].given, .name_zh = (char *)(uintptr_t)o[1].given, .kind = (char *)(uintptr_t)o[2].given,
        .roles = roles, .has_approver = o[6].given != NULL, .has_node = o[4].given != NULL,
    };
    struct writer text = {0};
    char path[4096];

    m.n_roles = split_roles(roles, roles_text);
    if ((o[4].given == NULL) != (o[5].given == NULL))
        return tool_fail(TOOL_USAGE, "a node has both --peer and --rpc");
    m.node.peer = (char *)(uintptr_t)o[4].given;
    m.node.rpc = (char *)(uintptr_t)o[5].given;
    if (check_words(&m) != ANJU_OK)
        return tool_fail(TOOL_REFUSED, "%s", anju_err_text());
    if (check_folder(dir) != ANJU_OK)
        return tool_fail_err();
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return tool_fail(TOOL_FAILED, "%s: %s", dir, strerror(errno));
    enum anju_err err = make_key(&m.operator_key, dir, "operator.key");
    if (err == ANJU_OK && m.has_approver)
        err = make_key(&m.approver_key, dir, "approver.key");
    if (err == ANJU_OK && m.has_node)
        err = make_node(&m.node, dir, o[4].given, o[5].given);
    if (err != ANJU_OK)
        return tool_fail_err();
    member_file_encode(&text, &m);
    snprintf(path, sizeof(path), "%s/member.json", dir);
    if (tool_write_file(path, writer_view(&text), 0644, false) != ANJU_OK)
        return tool_fail_err();
    fwrite(text.data, 1, text.size, stdout);
    writer_free(&text);
    free(roles_text);
    fprintf(stderr, "keys are in %s; its .key files are secret, member.json is for others\n", dir);
    return TOOL_OK;
}

int cmd_keys(int argc, char **argv)
{
    struct tool_option options[] = {
        {"--name-en", "NAME", "the member's English name", "", NULL},
        {"--name-zh", "NAME", "the member's Chinese name", "", NULL},
        {"--kind", "KIND", "government, property, agency, auditor, integrator or authority", "agency", NULL},
        {"--roles", "A,B", "its roles, such as center,hotline,import or provider", "", NULL},
        {"--peer", "HOST:PORT", "it runs a node that other nodes reach here", NULL, NULL},
        {"--rpc", "HOST:PORT", "and clients here", NULL, NULL},
        {"--approver", NULL, "also make an approver key", NULL, NULL},
        {0}};
    const struct tool_usage usage = {
        "keys", "new [options] DIR", "Makes a member's keys in DIR (mode 0600) and prints the public member file (also DIR/member.json).",
        "anju keys new --name-en 'Yongan Property' --name-zh 永安物业 --kind property --roles firm,provider \\\n      --peer 10.0.0.2:7100 --rpc 127.0.0.1:7200 yongan",
        options};
    int n, code = tool_args(&usage, argc, argv, &n, 2, 2);

    if (code >= 0)
        return code;
    if (strcmp(argv[1], "new") != 0)
        return tool_fail(TOOL_USAGE, "'%s': the only action is new", argv[1]);
    return new_keys(argv[2], options);
}
