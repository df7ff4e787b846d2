#!/usr/bin/env bash
# Runs a test program for cargo (its `runner`). One that mostly waits, for packets, goes on
# beside the others; `tools/test` waits for it and shows what it prints. $FRAMELINE_BESIDE is the folder for that.
# One that only computes is left to `tools/test`, which runs it optimised, in a tenth of the time.
set -u
name=$(basename "$1")
case $name in
    # Without a network of its own its camera would be seen by others.
    aravis-*) [ "$(id -u)" = 0 ] || exec "$@" ;;
    inspect_golden-*) echo "is run optimised, behind the others"; exit 0 ;;
    *) exec "$@" ;;
esac
echo "goes on beside the others: $name"
("$@" >"$FRAMELINE_BESIDE/$name.out" 2>&1 </dev/null; echo $? >"$FRAMELINE_BESIDE/$name.status") >/dev/null 2>&1 &
echo $! >"$FRAMELINE_BESIDE/$name.pid"
