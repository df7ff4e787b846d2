#!/usr/bin/env bash
# Runs a test program for cargo (its `runner`). Those that mostly wait, for packets or for the time that is replayed, go on
# beside the others; `tools/test` waits for them and shows what they print. $FRAMELINE_BESIDE is the folder for that.
set -u
name=$(basename "$1")
case $name in
    # Without a network of its own its camera would be seen by others.
    aravis-*) [ "$(id -u)" = 0 ] || exec "$@" ;;
    fault_matrix-* | mvs-* | recording-*) ;;
    *) exec "$@" ;;
esac
echo "goes on beside the others: $name"
("$@" >"$FRAMELINE_BESIDE/$name.out" 2>&1 </dev/null; echo $? >"$FRAMELINE_BESIDE/$name.status") >/dev/null 2>&1 &
echo $! >"$FRAMELINE_BESIDE/$name.pid"
