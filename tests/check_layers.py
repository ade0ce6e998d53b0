"""Holds every module to its place: what it may include, and for the pure ones what it may call.

Run from the top of the repository (`make check-layers`). What a module stands on is the USES line of
its module.mk; ORDER says who may stand on whom at all. Before it looks at the sources, it checks
itself against lines that it must refuse: a checker that lets everything through looks just as calm.
"""
import glob
import re
import sys

ORDER = ["base", "crypto", "ledger", "consensus", "storage", "rpc", "node", "tools"]
STRANGERS = {"consensus", "storage"}  # these two do not know each other
PURE = {"base", "crypto", "ledger", "consensus"}

# Libraries from outside: header prefix -> modules that may include it.
LIBRARIES = {
    "msgpack": {"base"},
    "secp256k1": {"crypto"},
    "openssl/": {"crypto", "rpc", "node", "tools"},
    "lmdb.h": {"storage"},
    "event2/": {"rpc", "node"},
    "jansson.h": {"rpc", "tools"},
    "curl/": {"tools"},
}

C11 = {"assert", "ctype", "errno", "inttypes", "limits", "stdalign", "stdarg", "stdatomic",
       "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string"}
# System headers of pure modules beyond these bring clocks, files, sockets, threads or floats. Of
# the crypto module two are known: pthread.h makes contexts once and lets them go, sys/random.h is
# crypto_random.
PURE_HEADERS = {name + ".h" for name in C11}
PURE_EXTRA = {("crypto", "pthread.h"), ("crypto", "sys/random.h")}

# Functions that the allowed headers declare and a pure module must not call.
PURE_CALLS = re.compile(
    r"\b(fopen|fdopen|freopen|fread|fgets|getline|scanf|fscanf|tmpfile|remove|rename|popen|system|"
    r"getenv|setenv|putenv|secure_getenv|rand|srand|random|srandom|drand48|rand_r|arc4random|"
    r"atof|strtod|strtof|strtold)\s*\(")
# An address as a number could get into an order or a hash; `(struct x *)(uintptr_t)p`, which only
# takes a const away, cannot.
PURE_WORDS = re.compile(r"\b(float|double|intptr_t)\b|(?<!\*\)\()\buintptr_t\b")
PURE_TEXTS = re.compile(r"%p\b|__(DATE|TIME|TIMESTAMP)__")
ALLOCATIONS = re.compile(
    r"\b(malloc|calloc|realloc|reallocarray|free|alloca|aligned_alloc|strdup|strndup|asprintf|"
    r"anju_alloc|anju_realloc|anju_dup|anju_strdup|arena_\w+|table_\w+)\s*\(|"
    # It writes what the node keeps into the node's writer, outside the step; one of its own would
    # be memory of its own.
    r"struct (writer|arena|table) \w+\s*[=;,[]")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
NO_ASSERTS = re.compile(r"^\s*#\s*define\s+NDEBUG\b")
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments(text):
    """The text with comments blanked, lines kept."""
    def blank(match):
        piece = match.group(0)
        return re.sub(r"[^\n]", " ", piece) if piece[0] == "/" else piece
    return TOKEN.sub(blank, text)


def without_strings(line):
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', line)


def include_fault(module, uses, quote, header):
    if quote == '"':
        owner = header.split("/")[0] if "/" in header else None
        if owner is None:
            return f'"{header}": name the folder too, as in "{module}/{header}"'
        if owner != module and owner not in uses:
            return f'"{header}": {module} does not use {owner} (USES of {module}/module.mk)'
        return None
    for prefix, modules in LIBRARIES.items():
        if header.startswith(prefix):
            return None if module in modules else f"<{header}> is for {', '.join(sorted(modules))}"
    if module in PURE and header not in PURE_HEADERS and (module, header) not in PURE_EXTRA:
        return f"<{header}> in the pure module {module}"
    return None


def line_fault(module, uses, line):
    include = INCLUDE.match(line)
    if include:
        return include_fault(module, uses, *include.groups())
    if NO_ASSERTS.match(line):
        return "NDEBUG: asserts stay on"
    code = without_strings(line)
    if module in PURE:
        found = PURE_CALLS.search(code) or PURE_WORDS.search(code) or PURE_TEXTS.search(line)
        if found:
            return f"{found.group(0).strip(' (')} in the pure module {module}"
    if module == "consensus":
        found = ALLOCATIONS.search(code)
        if found:
            return f"{found.group(0).strip(' (=;,[')}: consensus allocates nothing"
    return None


def text_faults(module, uses, name, text):
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        fault = line_fault(module, uses, line)
        if fault:
            yield f"{name}:{number}: {fault}"


def uses_of(module):
    match = re.search(r"^USES\s*:?=(.*)$", open(f"{module}/module.mk").read(), re.M)
    return set(match.group(1).split()) if match else set()


def uses_faults(module, uses):
    place = ORDER.index(module)
    for other in sorted(uses):
        if other not in ORDER[:place] or {module, other} == STRANGERS:
            yield f"{module}/module.mk: {module} must not stand on {other}"


def check_itself():
    """(module, line, refused?)"""
    cases = [
        ("ledger", '#include "storage/store.h"', True),
        ("ledger", '#include "crypto/crypto.h"', False),
        ("ledger", '#include "map.h"', True),
        ("consensus", "#include <lmdb.h>", True),
        ("storage", "#include <lmdb.h>", False),
        ("ledger", "#include <time.h>", True),
        ("storage", "#include <time.h>", False),
        ("base", "#include <pthread.h>", True),
        ("crypto", "#include <pthread.h>", False),
        ("ledger", "    double x = 1;", True),
        ("ledger", "    /* double entry */ int x = 1;", False),
        ("ledger", '    text = "a float, getenv(";', False),
        ("base", '    f = fopen("x", "r");', True),
        ("ledger", '    printf("%p", x);', True),
        ("consensus", "    p = anju_alloc(8);", True),
        ("ledger", "    p = anju_alloc(8);", False),
        ("consensus", "    struct writer w = {0};", True),
        ("consensus", "void encode(struct writer *w)", False),
        ("ledger", "    return (uintptr_t)a < (uintptr_t)b;", True),
        ("ledger", "    s = (struct s *)(uintptr_t)p;", False),
        ("node", "#define NDEBUG", True),
    ]
    uses = {"ledger": {"crypto", "base"}}
    for module, line, refused in cases:
        if bool(list(text_faults(module, uses.get(module, set()), "self", line))) != refused:
            sys.exit(f"check_layers does not judge as it should: {module}: {line}")
    if not list(uses_faults("consensus", {"node"})) or not list(uses_faults("storage", {"consensus"})):
        sys.exit("check_layers lets a module stand on one that it must not know")


def main():
    check_itself()
    faults, count = [], 0
    for module in ORDER:
        uses = uses_of(module)
        faults += uses_faults(module, uses)
        for name in sorted(glob.glob(f"{module}/**/*.[ch]", recursive=True)):
            count += 1
            faults += text_faults(module, uses, name, open(name, encoding="utf-8").read())
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"check-layers: {count} files, {len(faults)} faults")
    return 1 if faults or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
