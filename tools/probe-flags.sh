#!/bin/bash
# Prints HARD_CFLAGS and HARD_LDFLAGS: the hardening flags that $CC takes together with $OPT.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf '#include <stdio.h>\nint main(void) { return printf("%%d", 1) != 1; }\n' >"$dir/probe.c"

# takes FLAG...: compiles and links without a warning?
takes() {
    ${CC:-gcc} ${OPT:--O2} -Werror "$@" -o "$dir/probe" "$dir/probe.c" >/dev/null 2>&1
}

cflags= ldflags=
for level in 3 2; do # 3 is newer than some compilers; some distributions preset another
    if takes -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$level; then
        cflags="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$level"
        break
    fi
done
for flag in -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
    -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3; do
    takes "$flag" && cflags="$cflags $flag"
done
if takes -fPIE -pie; then
    cflags="$cflags -fPIE"
    ldflags=-pie
fi
for flag in -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack; do
    takes "$flag" && ldflags="$ldflags $flag"
done
echo "HARD_CFLAGS := $cflags"
echo "HARD_LDFLAGS := $ldflags"
