/* anju verify, for proofs of lists: what the answer is, as of when, and why it is whole. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/chain_key.h"
#include "rpc/forms.h"
#include "rpc/list_proof_json.h"
#include "rpc/record_json.h"
#include "tools/verify.h"

struct list_work {
    const struct verify_work *w;
    struct ledger_list_proof proof;
    struct ledger_list_report report;
};

/* ---- words ---- */

/* "order, provider = 3", in one line. */
static void key_words(char *out, size_t room, const struct list_work *l, uint32_t i)
{
    json_t *key =
        chain_key_json(&l->report.answers[i].name, l->report.answers[i].declared, l->w->registry);
    const json_t *names = json_object_get(key, "list"), *values = json_object_get(key, "values");
    const char *procedure = json_string_value(json_object_get(key, "procedure"));
    size_t at = 0;

    if (l->report.answers[i].name.kind == LEDGER_CHAIN_ACTOR)
        at = (size_t)snprintf(out, room, "%s %u", l->w->zh ? "成员" : "member",
                              l->report.answers[i].name.member);
    else if (names == NULL)
        at = (size_t)snprintf(out, room, "%s %s", procedure,
                              json_string_value(json_object_get(key, "subject")));
    else
        at = (size_t)snprintf(out, room, "%s: ", procedure);
    for (size_t k = 0; names != NULL && k < json_array_size(names); k++) {
        char *value = json_dumps(json_array_get(values, k), JSON_COMPACT | JSON_ENCODE_ANY);
        at +=
            (size_t)snprintf(out + (at < room ? at : room), at < room ? room - at : 0, "%s%s = %s",
                             k > 0 ? ", " : "", json_string_value(json_array_get(names, k)),
                             value != NULL ? value : "?");
        free(value);
    }
    json_decref(key);
}

static const char *place_words(char *out, size_t room, const struct ledger_question *q, bool zh)
{
    char from[JSON_TIME_SIZE] = "-", until[JSON_TIME_SIZE] = "-";

    out[0] = '\0';
    switch (q->ask) {
    case LEDGER_ASK_PAGE:
        if (q->a == 0 && q->b == UINT64_MAX)
            snprintf(out, room, "%s", zh ? "全部记录" : "all entries");
        else
            snprintf(out, room, zh ? "从第 %ju 条起至多 %ju 条" : "from entry %ju on, at most %ju",
                     (uintmax_t)q->a, (uintmax_t)q->b);
        break;
    case LEDGER_ASK_TIME:
        if (q->a > 0)
            json_time_text(from, q->a < LEDGER_TIME_MAX ? q->a : LEDGER_TIME_MAX);
        if (q->b < LEDGER_TIME_MAX)
            json_time_text(until, q->b);
        snprintf(out, room, zh ? "区块时间 %s 至 %s(不含)" : "block times from %s until %s", from,
                 until);
        break;
    case LEDGER_ASK_LAST:
        snprintf(out, room, zh ? "最后 %ju 条" : "the last %ju", (uintmax_t)q->b);
        break;
    case LEDGER_ASK_NOW:
        snprintf(out, room, "%s", zh ? "此刻具有该值的全部对象" : "all that have it now");
        break;
    case LEDGER_ASK_COUNT:
        snprintf(out, room, "%s", zh ? "有多少" : "how many");
        break;
    }
    return out;
}

/* What is proved of one key, in one line. */
static void answer_words(char *out, size_t room, const struct list_work *l, uint32_t i)
{
    const struct ledger_list_answer *a = &l->report.answers[i];
    const struct ledger_list_chain *c = &l->proof.chains[i];
    const enum ledger_ask ask = l->proof.question.ask;
    const bool subject = a->name.kind == LEDGER_CHAIN_SUBJECT, zh = l->w->zh;

    if (!a->present)
        snprintf(out, room, "%s",
                 subject ? (zh ? "从未有过该对象" : "there never was such a subject")
                         : (zh ? "从未有过" : "nothing ever had it"));
    else if (ask == LEDGER_ASK_NOW && subject)
        snprintf(out, room, zh ? "第 %ju 版,状态 %u" : "version %ju, state %u",
                 (uintmax_t)c->subjects[0].version, c->subjects[0].state);
    else if (ask == LEDGER_ASK_NOW)
        snprintf(out, room, zh ? "此刻共 %ju 个,全部列出" : "%ju have it now, all of them shown",
                 (uintmax_t)a->live);
    else if (ask == LEDGER_ASK_COUNT && a->declared != NULL &&
             a->declared->index.kind != LEDGER_INDEX_LIST)
        snprintf(out, room, zh ? "此刻 %ju 个" : "%ju have it now", (uintmax_t)a->live);
    else if (ask == LEDGER_ASK_COUNT)
        snprintf(out, room,
                 zh ? "共 %ju 条记录,此刻 %ju 个" : "%ju entries in all, %ju have it now",
                 (uintmax_t)a->count, (uintmax_t)a->live);
    else if (a->n == 0)
        snprintf(out, room, zh ? "没有(该列表共 %ju 条)" : "none (of %ju entries in all)",
                 (uintmax_t)a->count);
    else
        snprintf(out, room,
                 zh ? "第 %ju 至 %ju 条,共 %ju 条,无遗漏"
                    : "entries %ju to %ju of %ju, none left out",
                 (uintmax_t)(c->begin + a->first), (uintmax_t)(c->begin + a->first + a->n - 1),
                 (uintmax_t)a->count);
}

static void since_words(char *out, size_t room, const struct list_work *l, uint32_t i)
{
    const struct ledger_declared *d = l->report.answers[i].declared;

    out[0] = '\0';
    if (d != NULL && d->late)
        snprintf(out, room,
                 l->w->zh ? ";仅自第 %ju 号记录起完整"
                          : "; complete only since entry %ju, when the index began",
                 (uintmax_t)d->since);
    else if (d != NULL)
        snprintf(out, room,
                 l->w->zh ? ";自第 %ju 号记录(流程开始)起完整"
                          : "; complete since entry %ju, when its procedure began",
                 (uintmax_t)d->since);
}

/* ---- what is shown, chosen by the verifier ---- */

static const json_t *find_value(const json_t *shown, const char *name)
{
    static const char *const INSIDE[] = {"fields", "attributes", "record"};
    const json_t *value = json_object_get(shown, name);

    for (size_t i = 0; value == NULL && i < sizeof(INSIDE) / sizeof(INSIDE[0]); i++) {
        const json_t *inner = json_object_get(shown, INSIDE[i]);
        if (inner != NULL)
            value = find_value(inner, name);
    }
    return value;
}

static bool value_is(const json_t *value, const char *text)
{
    char *own = value == NULL           ? NULL
                : json_is_string(value) ? anju_strdup(json_string_value(value))
                                        : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    bool same = own != NULL && strcmp(own, text) == 0;

    free(own);
    return same;
}

/* NAME=VALUE, several with commas; all must hold. */
static bool is_chosen(const json_t *shown, const char *where)
{
    char *copy, *rest = NULL;
    bool good = true;

    if (where == NULL)
        return true;
    copy = anju_strdup(where);
    for (char *part = strtok_r(copy, ",", &rest); good && part != NULL;
         part = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(part, '=');
        if (equals == NULL) {
            good = false;
            break;
        }
        *equals = '\0';
        good = value_is(find_value(shown, part), equals + 1);
    }
    free(copy);
    return good;
}

static json_t *entry_shown(const struct list_work *l, const struct ledger_list_entry *e)
{
    struct ledger_entry entry;
    struct ledger_record record;
    struct crypto_hash leaf;
    json_t *out, *effects;

    if (ledger_entry_decode(&entry, bytes_of(e->bytes, LEDGER_ENTRY_SIZE)) != ANJU_OK)
        return json_object();
    ledger_entry_leaf(&leaf, e->bytes);
    out = form_entry(&entry, &leaf, l->w->registry);
    if ((l->proof.question.parts & LEDGER_LIST_RECORDS) != 0 &&
        ledger_record_decode(&record, e->record, l->w->arena) == ANJU_OK)
        json_object_set_new(out, "record", record_json(&record, l->w->registry));
    if ((l->proof.question.parts & LEDGER_LIST_EFFECTS) != 0 &&
        form_effects(&effects, e->effects, entry.n_effects, l->w->registry) == ANJU_OK)
        json_object_set_new(out, "effects", effects);
    return out;
}

static json_t *subject_shown(const struct list_work *l, uint16_t procedure,
                             const struct ledger_list_subject *s)
{
    const struct ledger_subject subject = {.procedure = procedure,
                                           .id = s->id,
                                           .version = s->version,
                                           .state = s->state,
                                           .attributes = s->attributes};

    json_t *out = subject_json(&subject, l->w->registry);

    json_object_del(out, "last_seq"); /* not proved */
    json_object_del(out, "state_digest");
    return out;
}

static json_t *chosen(const struct list_work *l, uint32_t i)
{
    const struct ledger_list_chain *c = &l->proof.chains[i];
    const struct ledger_list_answer *a = &l->report.answers[i];
    json_t *out = json_array();

    for (uint32_t k = 0; k < a->n + c->n_subjects; k++) {
        json_t *shown = k < a->n ? entry_shown(l, &c->entries[a->first + k])
                                 : subject_shown(l, a->name.procedure, &c->subjects[k - a->n]);
        if (is_chosen(shown, l->w->where))
            json_array_append(out, shown);
        json_decref(shown);
    }
    return out;
}

static void print_chosen(const struct list_work *l, uint32_t i)
{
    json_t *list = chosen(l, i), *item;
    size_t index;

    json_array_foreach(list, index, item)
    {
        char *text = json_dumps(item, JSON_COMPACT);
        printf("      %s\n", text != NULL ? text : "");
        free(text);
    }
    if (l->w->where != NULL)
        printf(l->w->zh ? "      其中 %zu 个符合 %s\n" : "      %zu of these with %s\n",
               json_array_size(list), l->w->where);
    json_decref(list);
}

/* ---- explanation ---- */

static void explain_key(const struct list_work *l, uint32_t i, unsigned *n)
{
    const struct ledger_list_answer *a = &l->report.answers[i];
    const struct ledger_list_chain *c = &l->proof.chains[i];
    char key[300], answer[200], since[120], chain_key[400];

    key_words(key, sizeof(key), l, i);
    answer_words(answer, sizeof(answer), l, i);
    since_words(since, sizeof(since), l, i);
    base64_encode(chain_key, c->key.data, c->key.size < 200 ? c->key.size : 200);
    if (!a->present)
        verify_step(l->w, n,
                    "%s: the place of this key in the map is shown, and it is not there: %s%s.",
                    "%s:已出示该键在映射中的位置,那里没有它:%s%s。", key, answer, since);
    else if (c->n_entries > 0)
        verify_step(
            l->w, n,
            "%s: the map says that its chain has %ju entries. The %u entries shown, from number "
            "%ju on, were hashed; with %u more "
            "hashes they give the chain's root, so they stand there one after the other: %s%s.",
            "%s:映射表明其链有 %ju 条记录。所出示的 %u 条(从第 %ju 条起)经散列,连同另外 %u "
            "个散列得到该链的根,故它们逐条相连:%s%s。",
            key, (uintmax_t)a->count, c->n_entries, (uintmax_t)c->begin, c->boundary.n, answer,
            since);
    else if (c->n_subjects > 0)
        verify_step(l->w, n,
                    "%s: the map says that %ju have it now. %u different subjects are shown; the "
                    "attributes of each open the state digest of "
                    "its own leaf in the same map, and they have the value: %s%s.",
                    "%s:映射表明此刻有 %ju 个。出示了 %u "
                    "个不同的对象;各自的属性与同一映射中其叶的状态摘要相符,且具有该值:%s%s。",
                    key, (uintmax_t)(a->name.kind == LEDGER_CHAIN_SUBJECT ? 1 : a->live),
                    c->n_subjects, answer, since);
    else
        verify_step(l->w, n, "%s: %s%s.", "%s:%s%s。", key, answer, since);
}

static void explain(const struct list_work *l)
{
    const struct ledger_list_report *r = &l->report;
    char time[JSON_TIME_SIZE], id[65], vid[65], root[65], place[120];
    unsigned n = 0;

    json_time_text(time, r->header.time_ms);
    hex_encode(id, l->proof.ledger_id.b, 32);
    hex_encode(vid, l->proof.certificate.vid.b, 32);
    hex_encode(root, r->result.map_root.b, 32);
    verify_step(l->w, &n,
                "The SHA-256 of your genesis file is %s, the ledger that the proof names.",
                "你的创世文件的 SHA-256 为 %s,即证明所指的账本。", id);
    verify_step(l->w, &n,
                "Its header was hashed to block %s (number %ju, %s), its result to the result id; "
                "the certificate is over these two and nothing else.",
                "其块头散列得区块 %s(第 %ju 块,%s),其结果散列得结果号;证书正是对这两者。", vid,
                (uintmax_t)r->header.height, time);
    verify_step(l->w, &n, "Asked: %s, for %u keys.", "所问:%s,共 %u 个键。",
                place_words(place, sizeof(place), &l->proof.question, l->w->zh), l->proof.n_chains);
    for (uint32_t i = 0; i < l->proof.n_declarations; i++) {
        struct ledger_declared d;
        if (ledger_declaration_decode(&d, &l->proof.declarations[i], &l->proof.ledger_id,
                                      l->w->arena) == ANJU_OK)
            verify_step(l->w, &n,
                        "Index %u of procedure %u is declared by entry %ju, with %u components%s; "
                        "the keys have these components.",
                        "流程 %2$u 的索引 %1$u 由第 %3$ju 号记录声明,有 %4$u "
                        "个分量%5$s;各键的分量与之相符。",
                        d.index.number, d.procedure, (uintmax_t)d.since, d.index.n_parts,
                        d.late ? (l->w->zh ? ",后来才开始" : ", later than its procedure") : "");
    }
    verify_step(l->w, &n,
                "One proof of %zu bytes leads for all %zu keys, those that are not there included, "
                "to %s, the map root of the result.",
                "一份 %zu 字节的证明对全部 %zu 个键(包括不存在的)通向 %s,即结果中的映射根。",
                l->proof.map.size, r->n_map_keys, root);
    for (uint32_t i = 0; i < l->proof.n_chains; i++)
        explain_key(l, i, &n);
    if ((r->checked & LEDGER_LIST_CHECK_CONTENTS) != 0)
        verify_step(l->w, &n,
                    "The records and effects shown were hashed; the hashes are those that the "
                    "entries bind.",
                    "所出示的记录内容与效果经散列,与记录所绑定的相同。");
    verify_explain_trust(l->w, &n, &r->signers);
}

/* ---- output ---- */

static json_t *valid_json(const struct list_work *l, const char *trust)
{
    const struct ledger_list_report *r = &l->report;
    json_t *out = json_object(), *checked = json_array(), *answers = json_array();

    for (unsigned i = 0; i < LEDGER_LIST_CHECKS; i++)
        if ((r->checked & (1u << i)) != 0)
            json_array_append_new(
                checked, json_string(ledger_list_check_words((enum ledger_list_check)(1u << i))));
    for (uint32_t i = 0; i < r->n_answers; i++) {
        const struct ledger_list_answer *a = &r->answers[i];
        json_t *answer = json_object();
        json_object_set_new(answer, "key", chain_key_json(&a->name, a->declared, l->w->registry));
        json_object_set_new(answer, "present", json_boolean(a->present));
        json_object_set_new(answer, "count", json_of_u64(a->count));
        json_object_set_new(answer, "live", json_of_u64(a->live));
        json_object_set_new(answer, "first", json_of_u64(l->proof.chains[i].begin + a->first));
        json_object_set_new(answer, "n", json_integer(a->n));
        json_object_set_new(answer, "subjects", json_integer(l->proof.chains[i].n_subjects));
        if (a->declared != NULL) {
            json_object_set_new(answer, "complete_since", json_of_u64(a->declared->since));
            json_object_set_new(answer, "late", json_boolean(a->declared->late));
        }
        if (l->w->show)
            json_object_set_new(answer, "shown", chosen(l, i));
        json_array_append_new(answers, answer);
    }
    json_object_set_new(out, "verdict", json_string("valid"));
    json_object_set_new(out, "proof", json_of_hash(&r->id));
    json_object_set_new(out, "question", question_json(&l->proof.question));
    json_object_set_new(out, "as_of_height", json_of_u64(r->header.height));
    json_object_set_new(out, "as_of_time", json_of_time(r->header.time_ms));
    json_object_set_new(out, "answers", answers);
    json_object_set_new(out, "checked", checked);
    json_object_set_new(out, "signers", verify_signers_json(&r->signers));
    json_object_set_new(out, "trust", json_string(trust));
    return out;
}

static void print_valid(const struct list_work *l, const char *trust)
{
    const struct ledger_list_report *r = &l->report;
    char time[JSON_TIME_SIZE], place[120], key[300], answer[200], since[120];

    json_time_text(time, r->header.time_ms);
    place_words(place, sizeof(place), &l->proof.question, l->w->zh);
    printf(l->w->zh ? "有效:截至第 %ju 块,%s:%s\n" : "valid: as of block %ju, %s: %s\n",
           (uintmax_t)r->header.height, time, place);
    for (uint32_t i = 0; i < r->n_answers; i++) {
        key_words(key, sizeof(key), l, i);
        answer_words(answer, sizeof(answer), l, i);
        since_words(since, sizeof(since), l, i);
        printf("  %-30s  %s%s\n", key, answer, since);
        if (l->w->show)
            print_chosen(l, i);
    }
    verify_print_signers(l->w, &r->signers);
    printf("  checked       ");
    for (unsigned i = 0, n = 0; i < LEDGER_LIST_CHECKS; i++)
        if ((r->checked & (1u << i)) != 0)
            printf("%s %s\n", n++ > 0 ? "                " : "",
                   ledger_list_check_words((enum ledger_list_check)(1u << i)));
    printf("  trusted        %s\n", trust);
}

int verify_list(const struct verify_work *w)
{
    struct list_work *l = arena_alloc(w->arena, sizeof(*l));
    char words[300], trust[160], time[JSON_TIME_SIZE];
    enum anju_err err = list_proof_json_decode(&l->proof, w->text, w->arena);

    l->w = w;
    if (err != ANJU_OK) {
        snprintf(words, sizeof(words), "not a proof of a list: %s", anju_err_text());
        return verify_print_refused(
            w, err == ANJU_ERR_UNSUPPORTED ? LEDGER_CANNOT_TELL : LEDGER_INVALID, "its form",
            words);
    }
    ledger_list_verify(&l->report, &l->proof, w->registry, w->path, w->arena);
    if (l->report.verdict != LEDGER_VALID)
        return verify_print_refused(w, l->report.verdict, ledger_list_check_words(l->report.failed),
                                    l->report.reason);
    if (l->report.header.time_ms < w->not_before) {
        json_time_text(time, l->report.header.time_ms);
        snprintf(words, sizeof(words),
                 "it is as of %s, which is before --not-before; ask a node for a newer one", time);
        return verify_print_refused(w, LEDGER_INVALID, "its age", words);
    }
    ledger_trust_words(trust, sizeof(trust), &l->report.signers);
    if (w->explain && !tool_json)
        explain(l);
    if (tool_json)
        tool_print_json(valid_json(l, trust));
    else
        print_valid(l, trust);
    return TOOL_OK;
}
