#include "rpc/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Reading ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* The next word of a line; empty at its end. */
static struct bytes word(struct bytes *line)
{
    size_t begin = 0, end;

    while (begin < line->size && is_blank(line->data[begin]))
        begin++;
    for (end = begin; end < line->size && !is_blank(line->data[end]);)
        end++;
    struct bytes out = bytes_of(line->data + begin, end - begin);
    *line = bytes_of(line->data + end, line->size - end);
    return out;
}

static bool is(struct bytes b, const char *text)
{
    return bytes_equal(b, bytes_of_text(text));
}

static int find(const struct policy *p, struct bytes name)
{
    for (unsigned i = 0; i < p->n_names; i++)
        if (bytes_equal(p->name[i].name, name))
            return (int)i;
    return -1;
}

static enum anju_err add_key(struct policy *p, struct bytes text, enum note_type type, size_t first)
{
    struct note_key *k = &p->key[p->n_keys];

    if (p->n_keys - first == POLICY_KEYS_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "more than %d keys", POLICY_KEYS_MAX);
    enum anju_err err = note_key_decode(k, text);
    if (err != ANJU_OK)
        return err;
    if (k->type != type)
        return anju_fail(ANJU_ERR_UNSUPPORTED,
                         "key %s has type %d; here logs have type 1, witnesses type 4", k->name,
                         k->type);
    for (size_t i = first; i < p->n_keys; i++)
        if (p->key[i].type == type && memcmp(p->key[i].key, k->key, sizeof(k->key)) == 0)
            return anju_fail(ANJU_ERR_MALFORMED, "key %s stands here a second time", k->name);
    p->n_keys++;
    return ANJU_OK;
}

static enum anju_err new_name(struct policy_name **out, struct policy *p, struct bytes name)
{
    if (name.size == 0 || is(name, "none") || find(p, name) >= 0)
        return anju_fail(ANJU_ERR_MALFORMED, "a name is missing, none, or there already");
    if (p->n_names == POLICY_NAMES_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "more than %d names", POLICY_NAMES_MAX);
    *out = &p->name[p->n_names];
    **out = (struct policy_name){.name = name};
    return ANJU_OK;
}

static enum anju_err end_of(struct bytes line)
{
    return word(&line).size == 0
               ? ANJU_OK
               : anju_fail(ANJU_ERR_MALFORMED, "something follows what belongs here");
}

static enum anju_err read_witness(struct policy *p, struct bytes line)
{
    struct policy_name *name;
    enum anju_err err = new_name(&name, p, word(&line));

    if (err == ANJU_OK) {
        name->key = p->n_keys;
        err = add_key(p, word(&line), NOTE_COSIGNATURE, 0);
    }
    if (err != ANJU_OK)
        return err;
    p->n_names++;
    (void)word(&line); /* the URL */
    return end_of(line);
}

static enum anju_err read_group(struct policy *p, struct bytes line)
{
    struct policy_name *g;
    uint64_t k = 0;
    enum anju_err err = new_name(&g, p, word(&line));

    if (err != ANJU_OK)
        return err;
    struct bytes rule = word(&line), member;
    g->group = true;
    while ((member = word(&line)).size > 0) {
        int i = find(p, member);
        if (i < 0 || p->name[i].member)
            return anju_fail(ANJU_ERR_MALFORMED,
                             "member %.*s is not defined above, or is in a group already",
                             (int)member.size, (const char *)member.data);
        p->name[i].member = true;
        g->of[g->n++] = (unsigned)i;
    }
    if (is(rule, "any"))
        k = 1;
    else if (is(rule, "all"))
        k = g->n;
    else if (!note_number(&k, rule))
        k = 0;
    if (k == 0 || k > g->n)
        return anju_fail(ANJU_ERR_MALFORMED,
                         "the threshold must be any, all, or from 1 to the number of members");
    g->threshold = (unsigned)k;
    p->n_names++;
    return ANJU_OK;
}

static enum anju_err read_quorum(struct policy *p, struct bytes line)
{
    struct bytes name = word(&line);

    if (p->has_quorum)
        return anju_fail(ANJU_ERR_MALFORMED, "a second quorum");
    p->has_quorum = true;
    p->quorum = find(p, name);
    if (p->quorum < 0 && !is(name, "none"))
        return anju_fail(ANJU_ERR_MALFORMED, "the quorum names nothing that is defined above");
    return end_of(line);
}

static enum anju_err read_line(struct policy *p, struct bytes line, bool logs)
{
    struct bytes kind = word(&line);

    if (kind.size == 0 || kind.data[0] == '#')
        return ANJU_OK;
    if (is(kind, "log")) {
        enum anju_err err = logs ? add_key(p, word(&line), NOTE_ED25519, 0) : ANJU_OK;
        if (!logs)
            return ANJU_OK;
        (void)word(&line); /* the URL */
        return err == ANJU_OK ? end_of(line) : err;
    }
    if (is(kind, "witness"))
        return logs ? ANJU_OK : read_witness(p, line);
    if (is(kind, "group"))
        return logs ? ANJU_OK : read_group(p, line);
    if (is(kind, "quorum"))
        return logs ? ANJU_OK : read_quorum(p, line);
    return anju_fail(ANJU_ERR_MALFORMED, "a line begins with log, witness, group, quorum or #");
}

/* Log lines first, then the others: so the keys of logs lie together. */
static enum anju_err read_lines(struct policy *p, struct bytes text, bool logs)
{
    for (unsigned number = 1; text.size > 0; number++) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        char words[200];
        if (end == NULL)
            return anju_fail(ANJU_ERR_MALFORMED, "policy, line %u: it does not end in a line feed",
                             number);
        size_t size = (size_t)(end - text.data);
        if (read_line(p, bytes_of(text.data, size), logs) != ANJU_OK) {
            snprintf(words, sizeof(words), "%s", anju_err_text());
            return anju_fail(ANJU_ERR_MALFORMED, "policy, line %u: %s", number, words);
        }
        text = bytes_of(end + 1, text.size - size - 1);
    }
    return ANJU_OK;
}

enum anju_err policy_decode(struct policy *out, struct bytes text)
{
    memset(out, 0, sizeof(*out));
    if (text.size > POLICY_SIZE_MAX)
        return anju_fail(ANJU_ERR_TOO_LARGE, "a policy of more than %d bytes", POLICY_SIZE_MAX);
    for (size_t i = 0; i < text.size; i++)
        if ((text.data[i] < 0x20 && text.data[i] != '\n' && text.data[i] != '\t') ||
            text.data[i] == 0x7f)
            return anju_fail(ANJU_ERR_MALFORMED, "not a policy: control characters in it");
    enum anju_err err = read_lines(out, text, true);
    out->n_logs = out->n_keys;
    if (err == ANJU_OK)
        err = read_lines(out, text, false);
    if (err == ANJU_OK && !out->has_quorum)
        err = anju_fail(ANJU_ERR_MALFORMED, "policy: it has no quorum line");
    return err;
}

/* ---- Checking ---- */

static void refuse(struct outside_report *out, enum ledger_verdict verdict, const char *format, ...)
    ANJU_PRINTF(3, 4);
static void refuse(struct outside_report *out, enum ledger_verdict verdict, const char *format, ...)
{
    va_list args;

    out->verdict = verdict;
    va_start(args, format);
    vsnprintf(out->reason, sizeof(out->reason), format, args);
    va_end(args);
}

/* Groups name only what stands above them, so this ends. */
static bool witnessed(const struct policy *p, unsigned name, const bool *by_key)
{
    const struct policy_name *n = &p->name[name];
    unsigned count = 0;

    if (!n->group)
        return by_key[n->key];
    for (unsigned i = 0; i < n->n; i++)
        count += witnessed(p, n->of[i], by_key);
    return count >= n->threshold;
}

static unsigned needed(const struct policy *p)
{
    return p->quorum < 0 ? 0 : p->name[p->quorum].group ? p->name[p->quorum].threshold : 1;
}

/* One log that the origin names signed it, and the quorum cosigned it. */
static void check_signers(struct outside_report *out, const struct note *n, const struct policy *p)
{
    bool by_key[2 * POLICY_KEYS_MAX] = {false}, log = false;

    out->of = (unsigned)(p->n_keys - p->n_logs);
    for (unsigned i = 0; i < n->n; i++) {
        const struct note_signature *s = &n->signature[i];
        if (s->state != NOTE_VERIFIED)
            continue;
        by_key[s->key] = true;
        if (s->key < p->n_logs)
            log = log || strcmp(p->key[s->key].name, out->origin) == 0;
        else {
            out->signed_by++;
            out->time_s = s->time_s > out->time_s ? s->time_s : out->time_s;
        }
    }
    if (p->n_logs > 0 && !log)
        refuse(out, LEDGER_INVALID, "no log of the policy named %s signed the checkpoint",
               out->origin);
    else if (p->quorum >= 0 && !witnessed(p, (unsigned)p->quorum, by_key))
        refuse(
            out, LEDGER_INVALID,
            "%u cosignatures of %u witnesses are there and right; the policy's quorum needs %u%s",
            out->signed_by, out->of, needed(p), p->name[p->quorum].group ? " of its group" : "");
}

void outside_verify_checkpoint(struct outside_report *out, struct bytes note,
                               const struct policy *p, struct arena *a)
{
    struct note *n = arena_alloc(a, sizeof(*n));
    struct checkpoint at;

    memset(out, 0, sizeof(*out));
    enum anju_err err = note_parse(n, note, a);
    if (err == ANJU_OK)
        err = checkpoint_parse(&at, n->text);
    if (err == ANJU_OK && (at.origin.size > NOTE_NAME_SIZE_MAX || at.extensions.size > 0))
        err = anju_fail(
            ANJU_ERR_MALFORMED,
            "not a checkpoint of ours: its origin is too long, or it has extension lines");
    if (err == ANJU_OK)
        err = note_verify(n, p->key, p->n_keys);
    if (err != ANJU_OK) {
        refuse(out, LEDGER_INVALID, "%s", anju_err_text());
        return;
    }
    memcpy(out->origin, at.origin.data, at.origin.size);
    out->size = at.size;
    out->root = at.root;
    check_signers(out, n, p);
}

/* The entry, its number, and its path to the root that was signed. */
static void check_entry(struct outside_report *out, const uint8_t *entry, uint64_t index,
                        const struct ledger_path *path)
{
    struct crypto_hash leaf;

    if (ledger_entry_decode(&out->entry, bytes_of(entry, LEDGER_ENTRY_SIZE)) != ANJU_OK ||
        out->entry.seq != index) {
        refuse(out, LEDGER_INVALID,
               "the entry is not what an execution makes, or has another number");
        return;
    }
    crypto_leaf_hash(&leaf, bytes_of(entry, LEDGER_ENTRY_SIZE));
    if (merkle_path_check(&out->root, out->size, index, &leaf, path->hash, path->n) != ANJU_OK)
        refuse(out, LEDGER_INVALID,
               "the path does not lead from the entry to the root of the checkpoint");
    else
        out->has_entry = true;
}

void outside_verify_proof(struct outside_report *out, struct bytes file, const struct policy *p,
                          struct arena *a)
{
    struct tlog_proof proof;

    memset(out, 0, sizeof(*out));
    if (tlog_proof_decode(&proof, file, a) != ANJU_OK) {
        refuse(out, LEDGER_INVALID, "%s", anju_err_text());
        return;
    }
    outside_verify_checkpoint(out, proof.note, p, a);
    if (out->verdict != LEDGER_VALID)
        return;
    if (proof.extra.size != LEDGER_ENTRY_SIZE)
        refuse(out, LEDGER_CANNOT_TELL,
               "the proof does not bring the entry of %d bytes as its extra data",
               LEDGER_ENTRY_SIZE);
    else
        check_entry(out, proof.extra.data, proof.index, &proof.path);
}

static bool receipts_are_right(struct outside_report *out, const struct cose_file *f,
                               const struct ledger_set *set)
{
    bool seen[LEDGER_SET_MAX] = {false};

    for (unsigned i = 0; i < f->n; i++) {
        struct crypto_hash digest;
        int index = ledger_set_find(set, &f->receipt[i].node);
        if (index < 0 || seen[index]) {
            refuse(out, LEDGER_INVALID,
                   "receipt %u is by a key of no validator, or of one that signed another", i);
            return false;
        }
        cose_root_digest(&digest, &f->receipt[i].node, out->origin, f->size, &out->root);
        if (crypto_verify(&f->receipt[i].sig, &set->node[index].node_key, &digest) != ANJU_OK) {
            refuse(out, LEDGER_INVALID, "the signature of receipt %u over the root is wrong", i);
            return false;
        }
        seen[index] = true;
        out->signed_by++;
    }
    return true;
}

void outside_verify_cose(struct outside_report *out, struct bytes file,
                         const struct ledger_registry *r)
{
    struct cose_file f;
    struct crypto_hash leaf;

    memset(out, 0, sizeof(*out));
    snprintf(out->origin, sizeof(out->origin), "%s", r->genesis->origin);
    out->of = r->set.n;
    if (cose_file_decode(&f, file, out->origin) != ANJU_OK) {
        refuse(out, LEDGER_INVALID, "%s", anju_err_text());
        return;
    }
    crypto_leaf_hash(&leaf, bytes_of(f.entry, sizeof(f.entry)));
    out->size = f.size;
    if (merkle_path_root(&out->root, f.size, f.index, &leaf, f.path.hash, f.path.n) != ANJU_OK) {
        refuse(out, LEDGER_INVALID,
               "the inclusion proof has the wrong length for entry and tree size");
        return;
    }
    if (!receipts_are_right(out, &f, &r->set))
        return;
    if (out->signed_by < ledger_set_quorum(&r->set))
        refuse(out, LEDGER_INVALID,
               "%u receipts of %u validators are there and right; %u are needed", out->signed_by,
               out->of, ledger_set_quorum(&r->set));
    else
        check_entry(out, f.entry, f.index, &f.path);
}
