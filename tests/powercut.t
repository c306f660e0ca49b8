#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The power goes, tens of thousands of times: whatever it leaves recovers, is consistent, and
# keeps what was promised.  `make powercut SECONDS=...' goes on for longer.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need mke2fs e2fsck
export TMPDIR=$T

# at_least N TEXT NAME: TEXT is a number that is not less.
at_least()
{
	[ "${2:-0}" -ge "$1" ]
	ok $? "$3: ${2:-none}"
}

# POWERCUT_ARGS: only a part of it, for builds that are slow.
# shellcheck disable=SC2086
out=$("$BUILD/tests/powercut/powercut" ${POWERCUT_ARGS:-} 2>&1)
status=$?
diag "$out"
is $status 0 "nothing is found"
while read -r line; do
	like "$line" " 0 failures" "${line%% states*} states"
done < <(grep -E '^[a-z0-9-]+: [0-9]+ states' <<<"$out" | grep -v '^total')
total=$(grep '^total: ' <<<"$out")
[ -z "${POWERCUT_ARGS:-}" ] || done_testing

at_least 50000 "$(sed -n 's/^total: \([0-9]*\) states.*/\1/p' <<<"$total")" "states"
at_least 1000 "$(sed -n 's/.* \([0-9]*\) agreed.*/\1/p' <<<"$total")" "e2fsck and our walk agree"
at_least 1000 "$(sed -n 's/.* \([0-9]*\) replays.*/\1/p' <<<"$total")" \
	"e2fsck's replay gives our tree"
at_least 1000 "$(sed -n 's/.* \([0-9]*\) cut twice.*/\1/p' <<<"$total")" "cut again during recovery"

# What is broken on purpose must be found.
out=$("$BUILD/tests/powercut/selftest" 2>&1)
status=$?
diag "$out"
is $status 0 "broken libraries are found out"
while read -r line; do
	[[ $line == ok* ]]
	ok $? "found out: ${line#*- }"
done < <(grep -E '^(not )?ok' <<<"$out")
done_testing
