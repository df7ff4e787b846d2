#!/usr/bin/env bash
# Rule 6, shown from outside: in spin mode the hot threads make no system call, allocate nothing and fault no page.
#
# Usage: tools/checks/steady.sh [FRAMES [WAIT]]      WAIT is spin; with park the check must fail.
# Needs strace (Debian: apt-get install strace) for the system calls; without it that part is skipped and said so.
# Exit code: 0 all is quiet, 1 something is not, 2 the check could not be made.
set -euo pipefail
cd "$(dirname "$0")/../.."
frames="${1:-5000}"
wait="${2:-spin}"
trace="$(mktemp)"
trap 'rm -f "$trace"' EXIT

# Built like the program, whose build can be shared: what is looked for shows without whole-program optimisation, too.
binary="$(cargo bench --profile release --bench steady --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*steady[^"]*\)".*/\1/p' | tail -1)"
if [ ! -x "$binary" ]; then
    echo "steady: the benchmark could not be built; run: cargo bench --profile release --bench steady --no-run" >&2
    exit 2
fi

echo "steady: allocations and page faults"
ok=0
"$binary" --quick --json | tail -1 || ok=1

if ! command -v strace >/dev/null; then
    echo "steady: SKIPPED the system calls: strace is not installed (Debian: apt-get install strace)"
    exit "$ok"
fi

echo "steady: system calls of the hot threads (wait = $wait)"
if ! strace -f -s 300 -o "$trace" "$binary" --spin-syscalls "$frames" "$wait" 2>/dev/null; then
    echo "steady: the run under strace failed; may this process trace others (ptrace)?" >&2
    exit 2
fi

# Every line of the trace begins with the thread's number. Between the marks, lines of hot threads are counted, but
# for the second half of a call that strace tells in two (<...), and signals and exits (--- and +++).
awk '
    /write\(2, "steady-begin / {
        delete name; delete calls; inside = 1; text = $0
        match(text, /fill=[a-z]+/); fill = substr(text, RSTART + 5, RLENGTH - 5)
        while (match(text, /[0-9]+=fl-[a-z0-9.-]+/)) {
            split(substr(text, RSTART, RLENGTH), part, "=")
            name[part[1]] = part[2]; calls[part[1]] = 0
            text = substr(text, RSTART + RLENGTH)
        }
        next
    }
    /write\(2, "steady-end / {
        inside = 0; runs++
        match($0, /frames=[0-9]+/); n = substr($0, RSTART + 7, RLENGTH - 7)
        for (t in name) {
            printf "  fill=%s %-12s %d system calls in %d frames\n", fill, name[t], calls[t], n
            total += calls[t]; threads++
        }
        next
    }
    inside && ($1 in name) && $2 !~ /^(\+\+\+|---|<\.\.\.)/ {
        calls[$1]++
        if (calls[$1] <= 3) print "  " name[$1] ": " $0
    }
    END {
        if (runs != 2 || threads != 6) { print "steady: the trace lacks its marks"; exit 2 }
        if (total > 0) { print "steady: " total " system calls where there must be none"; exit 1 }
        print "steady: no system call"
    }
' "$trace" || ok=$?
exit "$ok"
