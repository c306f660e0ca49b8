#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory becomes short, and the server gives cache back, from inside its own sandbox: the log says so.  The
# file that tells of it is a stand-in, since not every machine lets a test make memory short.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 unshare fusermount3
[ -w /proc/pressure/memory ] || skip_all "this kernel does not tell of memory pressure"

own_namespace
cd "$T" || exit 2
mkdir kernel mnt tree
"$PROGS/pressure" kernel >triggers 2>kernel.log &
kernel=$!
for i in $(seq 100); do [ -e kernel/memory ] && break; sleep 0.05; done
mount --bind kernel/memory /proc/pressure/memory || skip_all "no stand-in for the kernel's file: $(cat kernel.log)"
mkdir -p tree/d{0..19} && touch tree/d{0..19}/file{1..200}
make_image a.img 64M -d tree

# given_back FILE COUNT: wait for so many log lines; their bytes, one number a line.
given_back()
{
	local i out
	for i in $(seq 100); do
		out=$(sed -n 's/.*memory is short in the system: gave back \([0-9]*\) bytes.*/\1/p' "$1" 2>/dev/null)
		[ "$(printf '%s' "$out" | grep -c .)" -ge "$2" ] && break
		sleep 0.1
	done
	printf '%s\n' "$out"
}

# shrinks OPTION: under pressure twice, with something in the cache each time.
shrinks()
{
	local pid round bytes
	mount_image a.img mnt "$1,debug,logfile=$T/log.$1" 2>>mount.log || return
	pid=$(server_of a.img)
	[ "$1" = nosandbox ] ||
		is "$(awk '/^Seccomp:/ { print $2 }' /proc/"$pid"/task/*/status | sort -u)" 2 "$1: every thread is confined"
	is "$(tail -n 1 triggers)" "some 200000 2000000" "$1: the kernel is asked to tell of pressure"
	for round in 1 2; do
		find mnt/d$round* -newer a.img >/dev/null
		kill -USR1 $kernel
		bytes=$(given_back "log.$1" $round | sed -n "${round}p")
		ok $((${bytes:-0} < 4096)) "$1: event $round: gave back ${bytes:-nothing} bytes"
	done
	is "$(find mnt -name 'file*' | wc -l)" 4000 "$1: all names are still there"
	cp /bin/bash mnt/bash && cmp /bin/bash mnt/bash
	ok $? "$1: it writes and reads"
	is "$(server_of a.img)" "$pid" "$1: the server is alive"
	unmount mnt a.img
	fsck_clean a.img "$1: clean"
}

if "$FUSE4FS" -o sandbox /dev/null mnt 2>&1 | grep -q "built without"; then
	skip "this build has no sandbox" sandbox
else
	shrinks sandbox
fi
shrinks nosandbox
umount /proc/pressure/memory
umount kernel
wait $kernel
is $? 0 "the stand-in ends"
done_testing
