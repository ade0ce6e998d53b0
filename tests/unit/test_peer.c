/*
 * Peers over real sockets: who is let in, who is refused and with what words in the log, and the
 * bounds on frames.
 */
#include "fixture.h"
#include "node/peer.h"
#include "node/peer_auth.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SIDES = 4 };

struct side {
    struct peers *peers;
    int up, down;
    int peer; /* the last that came up */
    struct crypto_hash peer_id;
    unsigned frames;
    size_t bytes;
    uint8_t last_type;
};

static struct fixture f;
static struct event_base *base;
static char dir[] = "/tmp/anju-peer-XXXXXX";
static char log_file[64];
static struct side sides[SIDES];
static unsigned ports[SIDES];
static struct crypto_hash ids[SIDES];

static uint64_t wall_ms(void)
{
    return FIXTURE_CREATED + 86400000;
}

static uint64_t mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const char *tls_file(int i)
{
    static char name[8][80];

    snprintf(name[i], sizeof(name[i]), "%s/tls%d.pem", dir, i);
    return name[i];
}

/* A self-signed P-256 key and certificate in one file; its SPKI hash. */
static void make_tls(int i, struct crypto_hash *spki)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *out = fopen(tls_file(i), "w");
    unsigned char *der = NULL;
    int size;

    ck_assert(key != NULL && cert != NULL && out != NULL);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    PEM_write_X509(out, cert);
    fclose(out);
    size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    crypto_sha256(spki, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static unsigned free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    getsockname(fd, (struct sockaddr *)&at, &size);
    close(fd);
    return ntohs(at.sin_port);
}

/* Four nodes of genesis with addresses and TLS keys; fifth and sixth key files are other people's.
 */
static void setup(void)
{
    struct crypto_hash spki;

    ck_assert(mkdtemp(strcpy(dir, "/tmp/anju-peer-XXXXXX")) != NULL);
    memset(sides, 0, sizeof(sides));
    fixture_begin(&f, SIDES);
    for (int i = 0; i < SIDES; i++) {
        char address[32];
        ports[i] = free_port();
        snprintf(address, sizeof(address), "127.0.0.1:%u", ports[i]);
        make_tls(i, &f.genesis.nodes[i].tls_spki);
        ledger_node_id(&ids[i], &f.genesis.nodes[i].node.node_key);
        f.genesis.nodes[i].peer = arena_text(&f.genesis.arena, bytes_of_text(address));
    }
    make_tls(4, &spki);
    fixture_seal(&f);
    base = event_base_new();
    /* What the peers log goes to a file that the test reads. */
    snprintf(log_file, sizeof(log_file), "%s/log", dir);
    fflush(stderr);
    int fd = open(log_file, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(fd, 2);
    close(fd);
}

static void teardown(void)
{
    char command[96];

    for (int i = 0; i < SIDES; i++)
        peers_close(sides[i].peers);
    event_base_free(base);
    fixture_deinit(&f);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static bool logged(const char *words)
{
    char text[65536];
    FILE *in = fopen(log_file, "r");
    size_t size = fread(text, 1, sizeof(text) - 1, in);

    fclose(in);
    text[size] = '\0';
    return strstr(text, words) != NULL;
}

static void on_up(void *ctx, int peer, const struct crypto_hash *id)
{
    struct side *s = ctx;

    s->up++;
    s->peer = peer;
    s->peer_id = *id;
}

static void on_down(void *ctx, int peer)
{
    (void)peer;
    ((struct side *)ctx)->down++;
}

static bool on_frame(void *ctx, int peer, uint8_t type, struct bytes body)
{
    struct side *s = ctx;

    (void)peer;
    s->frames++;
    s->bytes += body.size;
    s->last_type = type;
    return !(type == FRAME_STATUS && body.size == 1); /* a test's way to break the protocol */
}

/* The secret of the genesis node number i (the set is sorted, the list of nodes need not be). */
static const struct crypto_secret *secret_of(int i)
{
    int at = ledger_set_find(&f.registry->set, &ids[i]);

    ck_assert_int_ge(at, 0);
    return &f.node[at];
}

static enum anju_err open_side(int i, int tls)
{
    char port[8];
    struct peers_options o = {.base = base,
                              .registry = f.registry,
                              .self = ids[i],
                              .secret = secret_of(i),
                              .host = "127.0.0.1",
                              .port = port,
                              .cert_file = tls_file(tls),
                              .key_file = tls_file(tls),
                              .now_ms = wall_ms,
                              .ctx = &sides[i],
                              .on_up = on_up,
                              .on_down = on_down,
                              .on_frame = on_frame};

    snprintf(port, sizeof(port), "%u", ports[i]);
    return peers_open(&sides[i].peers, &o);
}

static void pump(unsigned ms)
{
    uint64_t until = mono_ms() + ms;

    while (mono_ms() < until) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(500);
    }
}

static bool pump_until(bool (*done)(void), unsigned ms)
{
    uint64_t until = mono_ms() + ms;

    while (!done() && mono_ms() < until) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(200);
    }
    return done();
}

static bool both_up(void)
{
    return sides[0].up > sides[0].down && sides[1].up > sides[1].down;
}

/* ---- A client of our own making ---- */

struct client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

static void client_open(struct client *c, unsigned port, int tls, int version)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    c->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(c->ctx, version);
    ck_assert_int_eq(SSL_CTX_use_certificate_file(c->ctx, tls_file(tls), SSL_FILETYPE_PEM), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(c->ctx, tls_file(tls), SSL_FILETYPE_PEM), 1);
    c->ssl = SSL_new(c->ctx);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    SSL_set_fd(c->ssl, c->fd);
}

static bool client_handshake(struct client *c)
{
    for (int i = 0; i < 400; i++) {
        int rc = SSL_connect(c->ssl);
        if (rc == 1)
            return true;
        rc = SSL_get_error(c->ssl, rc);
        if (rc != SSL_ERROR_WANT_READ && rc != SSL_ERROR_WANT_WRITE)
            return false;
        pump(5);
    }
    return false;
}

static void client_send(struct client *c, uint8_t type, uint32_t said_size, struct bytes body)
{
    struct writer w = {0};

    writer_u32(&w, said_size);
    writer_u8(&w, type);
    writer_bytes(&w, body);
    (void)SSL_write(c->ssl, w.data, (int)w.size);
    writer_free(&w);
}

/* The other side closed within `ms`. */
static bool client_closed(struct client *c, unsigned ms)
{
    uint64_t until = mono_ms() + ms;
    char skip[4096];

    while (mono_ms() < until) {
        int rc = SSL_read(c->ssl, skip, sizeof(skip));
        if (rc <= 0) {
            rc = SSL_get_error(c->ssl, rc);
            if (rc != SSL_ERROR_WANT_READ && rc != SSL_ERROR_WANT_WRITE)
                return true;
        }
        pump(5);
    }
    return false;
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
}

static void client_auth(struct client *c, const struct crypto_secret *secret,
                        const struct crypto_hash *ledger, const struct crypto_hash *to)
{
    uint8_t body[PEER_AUTH_SIZE];
    struct peer_channel channel;
    struct crypto_key key;
    struct crypto_hash id;
    X509 *own = SSL_get_certificate(c->ssl);
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(own), &der);

    crypto_sha256(&channel.own_spki, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    ck_assert_int_eq(tls_peer_spki(&channel.peer_spki, c->ssl), ANJU_OK);
    ck_assert_int_eq(tls_exporter(channel.ekm, c->ssl), ANJU_OK);
    ck_assert_int_eq(crypto_key_of(&key, secret), ANJU_OK);
    ledger_node_id(&id, &key);
    ck_assert_int_eq(peer_auth_make(body, PEER_DIALLED, ledger, &id, to, secret, &channel),
                     ANJU_OK);
    client_send(c, FRAME_AUTH, sizeof(body), bytes_of(body, sizeof(body)));
}

/* Opens side 0 alone and a client that has shaken hands with it. */
static void client_at_side_0(struct client *c, int tls)
{
    if (sides[0].peers == NULL)
        ck_assert_msg(open_side(0, 0) == ANJU_OK, "%s", anju_err_text());
    client_open(c, ports[0], tls, TLS1_3_VERSION);
    ck_assert(client_handshake(c));
}

/* ---- Tests ---- */

/* Two nodes of genesis find each other, whoever was first, and frames of every size pass whole. */
START_TEST(two_nodes_of_genesis_connect_once_and_pass_frames)
{
    uint8_t *large = anju_alloc(LEDGER_FRAME_SIZE_DEFAULT);

    ck_assert_msg(open_side(0, 0) == ANJU_OK, "%s", anju_err_text());
    ck_assert_msg(open_side(1, 1) == ANJU_OK, "%s", anju_err_text());
    ck_assert(pump_until(both_up, 6000));
    ck_assert(crypto_hash_equal(&sides[0].peer_id, &ids[1]));
    ck_assert(crypto_hash_equal(&sides[1].peer_id, &ids[0]));
    ck_assert(peers_send(sides[0].peers, sides[0].peer, FRAME_BATCH,
                         bytes_of(large, LEDGER_FRAME_SIZE_DEFAULT)));
    ck_assert(peers_send(sides[0].peers, sides[0].peer, FRAME_HANDOVER, bytes_of(large, 0)));
    pump(1000);
    ck_assert_uint_eq(sides[1].frames, 2);
    ck_assert_uint_eq(sides[1].bytes, LEDGER_FRAME_SIZE_DEFAULT);
    pump(3000); /* and it stays the one connection */
    ck_assert_int_eq(sides[0].up - sides[0].down, 1);
    ck_assert_int_eq(sides[1].up - sides[1].down, 1);
    free(large);
}
END_TEST

/* A node that goes away and comes back is connected again by itself. */
START_TEST(a_node_that_comes_back_is_connected_again)
{
    ck_assert_int_eq(open_side(0, 0), ANJU_OK);
    ck_assert_int_eq(open_side(1, 1), ANJU_OK);
    ck_assert(pump_until(both_up, 6000));
    peers_close(sides[1].peers);
    sides[1] = (struct side){.peers = NULL};
    pump(500);
    ck_assert_int_eq(sides[0].down, 1);
    ck_assert_int_eq(open_side(1, 1), ANJU_OK);
    ck_assert(pump_until(both_up, 10000));
}
END_TEST

START_TEST(a_stranger_is_refused_and_the_log_says_why)
{
    struct crypto_secret stranger;
    struct client c;

    ck_assert_int_eq(crypto_secret_new(&stranger), ANJU_OK);
    client_at_side_0(&c, 4);
    client_auth(&c, &stranger, &f.registry->ledger_id, &ids[0]);
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("a stranger: no member of this ledger has the key"));
    ck_assert_int_eq(sides[0].up, 0);
    client_close(&c);
}
END_TEST

/* A member's operator may sign records; it may not be a node. */
START_TEST(a_member_without_a_node_key_is_refused)
{
    struct client c;

    client_at_side_0(&c, 4);
    client_auth(&c, &f.operator[FIXTURE_FIRM], &f.registry->ledger_id, &ids[0]);
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("member 2 came with key 2, which is not a node key"));
    client_close(&c);
}
END_TEST

START_TEST(a_node_of_another_ledger_is_refused)
{
    struct crypto_hash other = f.registry->ledger_id;
    struct client c;

    other.b[3] ^= 1;
    client_at_side_0(&c, 1);
    client_auth(&c, secret_of(1), &other, &ids[0]);
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("it is a node of another ledger"));
    client_close(&c);
}
END_TEST

/* The node key alone is not enough: the TLS key is pinned, so a stolen AUTH does not help
 * elsewhere. */
START_TEST(a_tls_key_that_genesis_does_not_name_is_refused)
{
    struct client c;

    client_at_side_0(&c, 4);
    client_auth(&c, secret_of(1), &f.registry->ledger_id, &ids[0]);
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("its TLS key is not the one that genesis names"));
    client_close(&c);
}
END_TEST

/* The same identity run twice: the first one answers, so the second one is the intruder. */
START_TEST(a_second_node_with_the_same_identity_is_refused)
{
    struct client c;

    ck_assert_int_eq(open_side(0, 0), ANJU_OK);
    ck_assert_int_eq(open_side(1, 1), ANJU_OK);
    ck_assert(pump_until(both_up, 6000));
    pump(2200); /* no longer two calls that crossed */
    client_at_side_0(&c, 1);
    client_auth(&c, secret_of(1), &f.registry->ledger_id, &ids[0]);
    ck_assert(client_closed(&c, 3000));
    ck_assert(logged("a second node with the identity"));
    ck_assert_int_eq(sides[0].up - sides[0].down, 1);
    client_close(&c);
}
END_TEST

/* A connection that died without a word gives way to the node's new one. */
START_TEST(a_dead_connection_gives_way_to_a_new_one)
{
    struct client first, second;

    client_at_side_0(&first, 1);
    client_auth(&first, secret_of(1), &f.registry->ledger_id, &ids[0]);
    pump(300);
    ck_assert_int_eq(sides[0].up, 1);
    pump(2100);
    client_at_side_0(&second, 1); /* the first client never reads: it answers no PING */
    client_auth(&second, secret_of(1), &f.registry->ledger_id, &ids[0]);
    pump(1600);
    ck_assert_int_eq(sides[0].up, 2);
    ck_assert_int_eq(sides[0].down, 1);
    client_close(&first);
    client_close(&second);
}
END_TEST

/* Our own key on another machine is the worst case of it. */
START_TEST(our_own_identity_elsewhere_is_refused_with_an_alarm)
{
    struct client c;

    client_at_side_0(&c, 0);
    client_auth(&c, secret_of(0), &f.registry->ledger_id, &ids[0]);
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("another node runs with this node's own identity"));
    client_close(&c);
}
END_TEST

START_TEST(an_auth_for_another_node_is_not_relayed)
{
    struct client c;

    client_at_side_0(&c, 1);
    client_auth(&c, secret_of(1), &f.registry->ledger_id, &ids[2]);
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("it means to talk to another node than this one"));
    client_close(&c);
}
END_TEST

/* An AUTH recorded on one connection says nothing on another: the exporter value differs. */
START_TEST(a_replayed_auth_is_refused)
{
    uint8_t body[PEER_AUTH_SIZE];
    struct peer_channel channel = {.ekm = {1}};
    struct client c;

    channel.own_spki = f.genesis.nodes[1].tls_spki;
    channel.peer_spki = f.genesis.nodes[0].tls_spki;
    ck_assert_int_eq(peer_auth_make(body, PEER_DIALLED, &f.registry->ledger_id, &ids[1], &ids[0],
                                    secret_of(1), &channel),
                     ANJU_OK);
    client_at_side_0(&c, 1);
    client_send(&c, FRAME_AUTH, sizeof(body), bytes_of(body, sizeof(body)));
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("its AUTH signature is wrong"));
    client_close(&c);
}
END_TEST

/* Who comes back with our own words, as if we had dialled ourselves. */
START_TEST(a_reflected_role_is_refused)
{
    uint8_t body[PEER_AUTH_SIZE] = {1, PEER_ANSWERED};
    struct crypto_hash peer;
    struct peer_channel channel = {.ekm = {1}};

    ck_assert_int_eq(peer_auth_make(body, PEER_ANSWERED, &f.registry->ledger_id, &ids[1], &ids[0],
                                    secret_of(1), &channel),
                     ANJU_OK);
    ck_assert_int_eq(peer_auth_check(&peer, bytes_of(body, sizeof(body)), f.registry, &ids[0],
                                     PEER_ANSWERED, NULL, &channel, wall_ms()),
                     ANJU_ERR_MISMATCH);
    ck_assert(strstr(anju_err_text(), "reflected") != NULL);
    ck_assert_int_eq(peer_auth_check(&peer, bytes_of(body, sizeof(body) - 1), f.registry, &ids[0],
                                     PEER_DIALLED, NULL, &channel, wall_ms()),
                     ANJU_ERR_MALFORMED);
}
END_TEST

START_TEST(silence_is_ended_after_three_seconds)
{
    struct client c;
    uint64_t began;

    client_at_side_0(&c, 1);
    began = mono_ms();
    ck_assert(client_closed(&c, 5000));
    ck_assert_uint_ge(mono_ms() - began, 2500);
    ck_assert(logged("no AUTH within 3 seconds"));
    client_close(&c);
}
END_TEST

/* Nothing but one small AUTH before AUTH: no memory for strangers. */
START_TEST(a_frame_before_auth_is_refused)
{
    static const struct {
        uint8_t type;
        uint32_t size;
        const char *words;
    } CASES[] = {
        {FRAME_STATUS, 22, "before AUTH"},
        {FRAME_AUTH, 1025, "a frame of type 1 with 1025 bytes before AUTH"},
        {FRAME_BATCH, LEDGER_FRAME_SIZE_DEFAULT, "before AUTH"},
        {0, 0, "a frame of type 0"},
        {99, 4, "a frame of type 99"},
        {FRAME_AUTH, 0, "malformed"},
        {FRAME_AUTH, UINT32_MAX, "4294967295 bytes"},
    };
    struct client c;

    client_at_side_0(&c, 1);
    client_send(&c, CASES[_i].type, CASES[_i].size, bytes_of("", 0));
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged(CASES[_i].words));
    client_close(&c);
}
END_TEST

/* After AUTH, too, each type has its bound, checked before anything is kept. */
START_TEST(a_frame_over_its_bound_closes_the_connection)
{
    struct client c;

    client_at_side_0(&c, 1);
    client_auth(&c, secret_of(1), &f.registry->ledger_id, &ids[0]);
    pump(300);
    ck_assert_int_eq(sides[0].up, 1);
    client_send(&c, _i == 0 ? FRAME_VOTE : FRAME_BATCH,
                _i == 0 ? FRAME_VOTE_SIZE_MAX + 1 : LEDGER_FRAME_SIZE_DEFAULT + 1, bytes_of("", 0));
    ck_assert(client_closed(&c, 2000));
    ck_assert_int_eq(sides[0].down, 1);
    ck_assert_uint_eq(sides[0].frames, 0);
    client_close(&c);
}
END_TEST

START_TEST(a_frame_that_breaks_the_protocol_closes_the_connection)
{
    struct client c;

    client_at_side_0(&c, 1);
    client_auth(&c, secret_of(1), &f.registry->ledger_id, &ids[0]);
    pump(300);
    client_send(&c, FRAME_STATUS, 1, bytes_of("x", 1));
    ck_assert(client_closed(&c, 2000));
    ck_assert(logged("a frame that breaks the protocol: STATUS of 1 bytes"));
    client_close(&c);
}
END_TEST

/* A flood is cut down to the steady rate; it ends neither the node nor the connection. */
START_TEST(a_flood_of_messages_is_dropped)
{
    static const enum frame_type TYPES[] = {FRAME_STATUS, FRAME_COSIGN, FRAME_HANDOVER};
    struct client c;
    uint8_t status[22] = {0};

    client_at_side_0(&c, 1);
    client_auth(&c, secret_of(1), &f.registry->ledger_id, &ids[0]);
    pump(300);
    for (int i = 0; i < 2000; i++) {
        client_send(&c, TYPES[_i], sizeof(status), bytes_of(status, sizeof(status)));
        if (i % 100 == 0)
            pump(2);
    }
    pump(200);
    ck_assert_uint_le(sides[0].frames, 700);
    ck_assert_uint_ge(sides[0].frames, 400);
    ck_assert(logged("says more than"));
    ck_assert_int_eq(sides[0].down, 0);
    client_close(&c);
}
END_TEST

START_TEST(tls_1_2_is_refused)
{
    struct client c;

    ck_assert_int_eq(open_side(0, 0), ANJU_OK);
    client_open(&c, ports[0], 1, TLS1_2_VERSION);
    ck_assert(!client_handshake(&c));
    pump(200);
    ck_assert(logged("TLS:"));
    client_close(&c);
}
END_TEST

/* Bytes that are no TLS at all. */
START_TEST(garbage_is_refused)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(open_side(0, 0), ANJU_OK);
    at.sin_port = htons((uint16_t)ports[0]);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    pump(500);
    ck_assert(logged("refused"));
    ck_assert_int_eq(sides[0].up, 0);
    close(fd);
}
END_TEST

START_TEST(a_port_in_use_is_said_with_words)
{
    struct peers *second = NULL;

    ck_assert_int_eq(open_side(0, 0), ANJU_OK);
    ports[1] = ports[0];
    ck_assert_int_eq(open_side(1, 1), ANJU_ERR_IO);
    ck_assert(strstr(anju_err_text(), "in use") != NULL);
    ck_assert_ptr_null(second);
}
END_TEST

/* Starting with another key than genesis names would only be refused by everybody: better said at
 * once. */
START_TEST(our_own_tls_key_must_be_the_one_of_genesis)
{
    ck_assert_int_eq(open_side(0, 4), ANJU_ERR_MISMATCH);
    ck_assert(strstr(anju_err_text(), "not the TLS key that genesis names") != NULL);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *t = tcase_create("peer");

    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, two_nodes_of_genesis_connect_once_and_pass_frames);
    tcase_add_test(t, a_node_that_comes_back_is_connected_again);
    tcase_add_test(t, a_stranger_is_refused_and_the_log_says_why);
    tcase_add_test(t, a_member_without_a_node_key_is_refused);
    tcase_add_test(t, a_node_of_another_ledger_is_refused);
    tcase_add_test(t, a_tls_key_that_genesis_does_not_name_is_refused);
    tcase_add_test(t, a_second_node_with_the_same_identity_is_refused);
    tcase_add_test(t, a_dead_connection_gives_way_to_a_new_one);
    tcase_add_test(t, our_own_identity_elsewhere_is_refused_with_an_alarm);
    tcase_add_test(t, an_auth_for_another_node_is_not_relayed);
    tcase_add_test(t, a_replayed_auth_is_refused);
    tcase_add_test(t, a_reflected_role_is_refused);
    tcase_add_test(t, silence_is_ended_after_three_seconds);
    tcase_add_loop_test(t, a_frame_before_auth_is_refused, 0, 7);
    tcase_add_loop_test(t, a_frame_over_its_bound_closes_the_connection, 0, 2);
    tcase_add_test(t, a_frame_that_breaks_the_protocol_closes_the_connection);
    tcase_add_loop_test(t, a_flood_of_messages_is_dropped, 0, 3);
    tcase_add_test(t, tls_1_2_is_refused);
    tcase_add_test(t, garbage_is_refused);
    tcase_add_test(t, a_port_in_use_is_said_with_words);
    tcase_add_test(t, our_own_tls_key_must_be_the_one_of_genesis);
    suite_add_tcase(suite, t);
}

UNIT_MAIN("peer", add_tests)
