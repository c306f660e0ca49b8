#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Journals that the kernel left, fast commits among them: we find what the
# kernel and e2fsck find in them, write nothing when read-only, and finish orphans.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck dumpe2fs

SEED=${SEED:-$RANDOM}
ROUNDS=${ROUNDS:-3}
RANDOM=$SEED
load=$PROGS/crash-load
cd "$T" || exit 2
mkdir mnt kernel
chmod 711 .
diag "SEED=$SEED"

list()
{
	"$PROGS/tree-list" "$1" 2>&1
}

# same FILE FILE NAME
same()
{
	local out
	out=$(diff "$1" "$2")
	ok $? "$3" || diag "$(head -n 10 <<<"$out")"
}

# complaints DIR: about what crash-load was told is durable and is not there, sorted.
complaints()
{
	"$load" check "$1/load" log 2>&1 | sed -n "s|$1/||; s/^\(thread .*\)/\1/p" | sort
}

# judge DIR NAME: all is there, except what the kernel itself has lost (kernel.lost).
judge()
{
	local out
	[ -e log.0 ] || return
	out=$(complaints "$1" | comm -23 - kernel.lost)
	ok $((${#out} > 0)) "$2" || diag "$out"
}

copy()
{
	cp --sparse=always dirty.img "$1.img"
}

by_the_kernel()
{
	copy kernel
	mount -o loop kernel.img kernel || { ok 1 "$1: the kernel mounts it"; return; }
	list kernel >by-kernel
	judge kernel "$1: the kernel finds what was synced"
	umount kernel
	without_dir_times by-kernel
	same by-kernel by-us "$1: we find the same as the kernel"
}

# The kernel writes fast commits that its own replay cannot make whole again:
# names twice, data gone.  Learn from it what no replay can bring back: kernel.lost,
# kernel_clean.  Where it cannot even mount the image, nothing can be asked of us.
learn_the_kernels_losses()
{
	: >kernel.lost
	kernel_clean=yes
	[ -n "$1" ] || return 0
	copy kernel
	mount -o loop kernel.img kernel || return
	complaints kernel >kernel.lost
	umount kernel
	e2fsck -fn kernel.img >/dev/null 2>&1 || kernel_clean=
	[ ! -s kernel.lost ] || diag "the kernel lost: $(cat kernel.lost)"
	[ -n "$kernel_clean" ] || diag "the kernel's own replay leaves errors"
}

by_e2fsck()
{
	copy fsck
	e2fsck -fy fsck.img >fsck.out 2>&1
	ok $(($? > 1)) "$1: e2fsck replays it" || diag "$(cat fsck.out)"
	mount_image fsck.img mnt ro
	list mnt >by-fsck
	unmount mnt fsck.img
	without_dir_times by-fsck
	same by-fsck by-us "$1: e2fsck finds the same"
}

# Replaying fast commits sets the times of directories.
without_dir_times()
{
	sed 's/^\(\S* 04.*\) m [0-9.]* c [0-9.]*/\1/' "$1" >"$1.$$"
	mv "$1.$$" "$1"
}

# compare NAME [ALONE]: dirty.img, replayed by everybody, or by us alone.
compare()
{
	local before failures=$test_failures
	if ! learn_the_kernels_losses "${2:-}"; then
		diag "$1: the kernel cannot mount what it wrote"
		return
	fi
	before=$(sum_of dirty.img)
	mount_image dirty.img mnt ro || { ok 1 "$1: we mount it read-only"; return; }
	list mnt >read-only
	judge mnt "$1: read-only, we find what was synced"
	unmount mnt dirty.img
	is "$(sum_of dirty.img)" "$before" "$1: and the image stays as it was"

	copy ours
	mount_image ours.img mnt || { ok 1 "$1: we mount it"; return; }
	list mnt >by-us
	judge mnt "$1: we find what was synced"
	unmount mnt ours.img
	without_dir_times read-only
	without_dir_times by-us
	same read-only by-us "$1: the same as read-only"
	if [ -n "$kernel_clean" ]; then
		fsck_clean ours.img "$1: it is clean"
	fi
	[ -n "${2:-}" ] || by_the_kernel "$1"
	[ -n "${2:-}" ] || by_e2fsck "$1"
	if [ "$test_failures" -gt "$failures" ] && [ -n "${KEEP_IN:-}" ]; then
		mkdir -p "$KEEP_IN/$test_failures"
		cp --sparse=always dirty.img by-* log.* "$KEEP_IN/$test_failures"
	fi
}

# The image as it is while the kernel has it mounted.
snapshot()
{
	cp --sparse=always disk.img dirty.img
}

# deeds NAME MKFS-ARGUMENT...: one of each, synced, but not unmounted.
deeds()
{
	local name=$1
	shift
	rm -f log.*
	make_image disk.img 128M -b 4096 "$@"
	mount -o loop,commit=300 disk.img kernel
	"$PROGS/everything" kernel/all >/dev/null
	sync -f kernel
	echo later >kernel/later
	mv kernel/all/links/first kernel/moved
	rm -r kernel/all/renames
	mkdir kernel/dir
	truncate -s 100 kernel/all/sizes/large
	setfattr -n user.later -v value kernel/later
	exec 5<>kernel/all/sizes/cut 6<>kernel/all/sparse/fragments
	rm kernel/all/sizes/cut kernel/all/sparse/fragments
	sync kernel/later
	snapshot
	exec 5>&- 6>&-
	umount kernel
	compare "$name"
}

# under_load NAME ALONE MKFS-ARGUMENT...
under_load()
{
	local name=$1 alone=$2 info
	shift 2
	rm -f log.*
	make_image disk.img 96M "$@"
	attach disk.img
	mount "$LOOP" kernel
	mkdir -m 777 kernel/load
	coproc LOAD { exec "$load" load kernel/load log $RANDOM; }
	LPID=$LOAD_PID
	read -r -u "${LOAD[0]}" _
	sleep $((RANDOM % 2)).$((100 + RANDOM % 900))
	kill -STOP $LPID
	sleep 0.2
	snapshot
	info=$(sed -n 's/num fast commits *: *//Ip; s/^\([0-9]*\) commits$/\1/p' "/proc/fs/ext4/${LOOP#/dev/}/fc_info" 2>/dev/null | head -n 1)
	kill -KILL $LPID
	wait $LPID 2>/dev/null
	umount kernel
	detach "$LOOP" 2>/dev/null
	compare "$name${info:+, $info commits}" "$alone"
}

deeds "ordered"
deeds "small blocks" -b 1024
deeds "without extents, 32 bit" -O ^extent,^64bit
deeds "orphan file" -O orphan_file
deeds "fast_commit" -O fast_commit
for round in $(seq "$ROUNDS"); do
	under_load "load, round $round" "" -b $((1024 << RANDOM % 3))
	under_load "load with fast commits, round $round" alone -O fast_commit -b $((1024 << RANDOM % 3))
done
done_testing
