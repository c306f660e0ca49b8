#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two servers want one image at the same moment, a thousand times: one gets it, never both.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 dumpe2fs

RACES=${RACES:-1000}
AT_ONCE=${AT_ONCE:-250}
cd "$T" || exit 2
make_image plain.img 4M -O ^has_journal -N 16
make_image mmp.img 4M -O mmp,^has_journal -N 16

# one NUMBER WAY: say how many of two have mounted it, and how many were refused.
one()
{
	local a b ra rb
	mkdir "a$1" "b$1"
	"$FUSE4FS" "$1.img" "a$1" 2>/dev/null &
	a=$!
	"$FUSE4FS" "$1.img" "b$1" 2>/dev/null &
	b=$!
	wait $a; ra=$?
	wait $b; rb=$?
	echo "$ra $rb $(grep -c -E " $T/[ab]$1 " /proc/self/mounts)"
	umount "a$1" 2>/dev/null || umount "b$1" 2>/dev/null
	rmdir "a$1" "b$1" 2>/dev/null
	rm -f "$1.img"
}

# all NAME IMAGE COUNT
all()
{
	local i n=0
	: >results
	while [ $n -lt "$3" ]; do
		for i in $(seq "$AT_ONCE"); do
			[ $n -lt "$3" ] || break
			n=$((n + 1))
			cp --sparse=always "$2" $n.img
			one $n >>results &
		done
		wait
	done
	is "$(grep -c -E '^(0 32|32 0) 1$' results)" "$3" "$1: one of two mounts it, the other is refused"
	is "$(grep -c -E '^0 0| 2$' results)" 0 "$1: never both"
	diag "$(sort results | uniq -c)"
}

all "$RACES races" plain.img "$RACES"
all "20 with multi-mount protection" mmp.img 20
done_testing
