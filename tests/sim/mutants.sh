#!/bin/bash
# Breaks one rule of the core at a time and runs the explorer, the simulator and the scripted tests on
# it. Each mutant must be killed by one of them; rules that serve liveness in rare cases live through
# random search, which is why they have scripts. Usage, after make: tests/sim/mutants.sh [SEEDS [NAME...]]
set -u
cd "$(dirname "$0")/../.."
seeds=${1:-4000}
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flags="-D_GNU_SOURCE -I$dir -I. -std=c11 -O2 -w"
libs="build/libledger.a build/libcrypto.a build/libbase.a -lsecp256k1 -lcrypto -lm"
lives=0

# name, file, sed expression
mutant() {
    if [ ${#only[@]} -gt 0 ] && [[ ! " ${only[*]} " =~ " $1 " ]]; then return; fi
    rm -rf "$dir/consensus"
    cp -r consensus "$dir/"
    sed -i -E "$3" "$dir/$2"
    if cmp -s "$2" "$dir/$2"; then echo "$1: the change does not apply"; lives=$((lives + 1)); return; fi
    shared=$(ls tests/sim/*.c | grep -vE '/(test|sim)_')
    for program in sim_explore sim_consensus; do
        # shellcheck disable=SC2086
        if ! gcc $flags -o "$dir/$program" "$dir"/consensus/*.c $shared "tests/sim/$program.c" $libs 2>"$dir/log"; then
            echo "$1: does not build"; cat "$dir/log"; lives=$((lives + 1)); return
        fi
    done
    for test in test_consensus test_consensus_scenes test_consensus_restart; do
        # shellcheck disable=SC2086
        gcc $flags -o "$dir/$test" "$dir"/consensus/*.c tests/unit/consensus_script.c "tests/unit/$test.c" $libs \
            $(pkg-config --libs check) 2>"$dir/log" || { cat "$dir/log"; return; }
    done
    simulated=LIVES scripted=LIVES
    { timeout 300 "$dir/sim_explore" 1 "$((seeds * 5))" && timeout 300 "$dir/sim_consensus" 1 "$seeds"; } \
        >"$dir/log" 2>&1 || simulated=$(grep -m1 -oE '^scene.*|^seed[^(]*|Assert.*' "$dir/log" | cut -c1-90)
    { timeout 100 "$dir/test_consensus" && timeout 100 "$dir/test_consensus_scenes" &&
        timeout 100 "$dir/test_consensus_restart"; } >"$dir/log" 2>&1 ||
        scripted=$(grep -m1 -oE '(rules|scenes|restart):[a-z_0-9]+' "$dir/log")
    echo "$1: simulated: $simulated; scripted: $scripted"
    [ "$simulated$scripted" != LIVESLIVES ] || lives=$((lives + 1))
}

only=("$@")
mutant fresh-ignores-lock consensus/rules.c 's/if \(!b->is.valid \|\| c->locked_round >= 0\)/if (!b->is.valid)/'
mutant again-ignores-lock consensus/rules.c 's/good = b->is.valid && c->locked_round <= proposal->valid_round;/good = b->is.valid;/'
mutant no-lock consensus/rules.c 's/c->locked_round = \(int32_t\)c->round;/c->locked_round = -1;/'
mutant quorum-less-one consensus/tally.c 's/if \(count < ledger_set_quorum\(&c->set\)\)/if (count + 1 < ledger_set_quorum(\&c->set))/'
mutant first-vote-only consensus/step.c 's/if \(held->count == VOTES_HELD\)/if (held->count == 1)/'
mutant again-without-polka consensus/rules.c 's/if \(polka == NULL \|\| !crypto_hash_equal\(&polka->vid, &proposal->vid\)\)/if (false)/'
mutant restart-forgets-lock consensus/start.c 's/c->locked_round = s->locked_round;/c->locked_round = -1;/'
mutant restart-forgets-votes consensus/start.c 's/c->has_mine\[i\] = has\[i\];/c->has_mine[i] = false;/;s/c->step = s->step;/c->step = CONSENSUS_PROPOSE;/'
mutant no-ticket-again consensus/step.c 's/^    emit_ticket\(c, out\);$/c->ticket_unsent = false;/'
mutant sign-when-certified consensus/step.c 's/c->certified_height < c->height/true/'
mutant no-polka-said consensus/rules.c 's/c->polka_said != c->valid_round\)/false)/'
mutant no-skip consensus/rules.c 's/if \(!ticket_of_later\(&ticket, c\)\)/if (true)/'
mutant no-body-wait consensus/rules.c 's/!is_executing\(c\)\)/true)/'
mutant no-resend consensus/step.c 's/if \(c->resend_seen && /if (false \&\& /'
mutant no-valid consensus/rules.c 's/if \(best == NULL\)/if (true)/'
mutant no-early consensus/start.c 's/if \(c->next_height != c->height\)/if (true)/'
mutant nil-certificates consensus/tally.c 's/ \|\| ledger_vote_is_nil\(vote\)\)$/)/'
mutant empty-ends-wait consensus/rules.c 's/ && !b->is.empty;/;/'
mutant skip-on-one consensus/tally.c 's/if \(count >= ledger_set_skip\(&c->set\)\)/if (count >= 1)/'
exit $((lives > 0))
