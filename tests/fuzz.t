#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The fuzzers: what they found once stays fixed, and they find nothing in six minutes (FUZZ_SECONDS),
# two of them at the same time; about one of the six replays the corpus.  `make fuzz' runs them for hours.
. "$(dirname "$0")/lib.sh"
need mke2fs debugfs python3 clang

# Always the same way, and patient with a machine that is busy or stands still for a while: what is
# new, or takes seconds, is for `make fuzz' to find.
export FUZZ_SEED=1 FUZZ_TIMEOUT=120 FUZZ_OP_MS=60000
out=$("$TESTS/fuzz/run" "$BUILD" "${FUZZ_SECONDS:-360}" 2>&1)
status=$?
[ $status -ne 77 ] || skip_all "$out"
diag "$out"
isnt $status 2 "the fuzzers and their images are built"
is $status 0 "nothing is found"
for what in image journal options; do
	like "$out" "fuzz_$what: [0-9]+ inputs" "fuzz_$what had inputs"
done
done_testing
