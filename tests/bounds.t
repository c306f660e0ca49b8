#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What an image of 64 MiB may cost, whatever is in it: less than 256 MiB of memory, and less than a
# second of processor time for any single operation.
IN_MEMORY=yes
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck debugfs
cd "$T" || exit 2
mkdir mnt kernel
SEED=${SEED:-$RANDOM}
IMAGES=${IMAGES:-12}
diag "SEED=$SEED"
RANDOM=$SEED
tick=$(getconf CLK_TCK)
worst_ms=0 worst_op= worst_kib=0

# The server's processor time so far, in milliseconds.
server_ms()
{
	awk -v t="$tick" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / t) }' "/proc/$server/stat" 2>/dev/null || echo 0
}

# one NAME COMMAND...: a single operation, or a program that does hardly more than one.
one()
{
	local name=$1 before took
	shift
	before=$(server_ms)
	timeout 60 "$@" >/dev/null 2>&1
	[ $? -ne 124 ] || { ok 1 "$name ends"; return; }
	took=$(($(server_ms) - before))
	[ "$took" -le "$worst_ms" ] || { worst_ms=$took worst_op=$name; }
}

serve()
{
	worst_ms=0 worst_op=
	mount_image "$1" mnt errors=continue 2>mount.err || return
	server=$(server_of "$1")
}

# finish IMAGE NAME: what did it cost?
finish()
{
	worst_kib=$(awk '/^VmHWM/ { print $2 }' "/proc/$server/status" 2>/dev/null)
	ok $((${worst_kib:-999999} >= 262144)) "$2: ${worst_kib:-?} KiB of memory"
	ok $((worst_ms >= 1000)) "$2: no operation took longer than ${worst_op:-any}: $worst_ms ms"
	unmount mnt "$1"
}

# Everything at the limits of what fits: names, sizes, pieces.
fill()
{
	mount -o loop "$1" kernel || return
	mkdir kernel/many
	"$PROGS/names" make kernel/many "$2"
	ok $? "$2 names fit"
	truncate -s 4T kernel/sparse 2>/dev/null || truncate -s 16G kernel/sparse
	# Every other block of a file.
	fallocate -l 12M kernel/pieces 2>/dev/null || head -c 12M /dev/zero >kernel/pieces
	for ((i = 0; i < 1500; i++)); do
		fallocate -p -o $((i * 8192)) -l 4096 kernel/pieces 2>/dev/null
	done
	for ((i = 0; i < 200; i++)); do
		printf x | dd of=kernel/sparse bs=1 seek=$((i * 20000000)) conv=notrunc status=none
	done
	umount kernel
}

operations()
{
	one statfs stat -f mnt
	one "list of a large directory" ls -f mnt/many
	one "missing name" stat mnt/many/none
	one "read far out" dd if=mnt/sparse of=out bs=64k skip=30000 count=1 status=none
	one "read of pieces" dd if=mnt/pieces of=out bs=12M count=1 status=none
	one "map of pieces" filefrag mnt/pieces
	one fallocate fallocate -l 4M mnt/new
	one write dd if=/dev/zero of=mnt/written bs=1M count=3 conv=fsync status=none
	one rename mv mnt/many mnt/moved
	one "new name" mkdir mnt/moved/another
	one attribute setfattr -n user.a -v "$(printf %3000d 0)" mnt/written
	one "truncation of pieces" truncate -s 4096 mnt/pieces
	one "truncation far out" truncate -s 0 mnt/sparse
	one unlink rm -f mnt/new
	one syncfs sync -f mnt
	timeout 120 find mnt -xdev >/dev/null 2>&1
	timeout 120 "$PROGS/tree-list" mnt >/dev/null 2>&1
}

whole()
{
	make_image full.img 64M "${@:2}"
	fill full.img "$entries"
	cp --sparse=always full.img "$1.img"
	serve "$1.img" || { ok 1 "$1: mount"; return; }
	operations
	finish "$1.img" "$1"
	fsck_clean "$1.img" "$1: it is clean"
}

# Bytes of the metadata at random, and the checksums no longer in the way.
damaged()
{
	local i n k name="damaged $1"
	cp --sparse=always full.img bad.img
	for ((k = 0; k < 60; k++)); do
		printf "\\x$(printf %02x $((RANDOM % 256)))" |
			dd of=bad.img bs=1 seek=$((2048 + (RANDOM * 32768 + RANDOM) % (RANDOM % 2 ? 65536 : 8388608))) \
				conv=notrunc status=none
	done
	# A server that refuses it has said why.
	if ! serve bad.img; then
		like "$(tail -n 1 mount.err)" "bad.img: .*e2fsck" "$name: refused, with advice"
		return
	fi
	operations
	finish bad.img "$name"
}

entries=40000
whole "many names" -N 42000
entries=20000
whole "1 KiB blocks" -b 1024 -N 22000 -O ^metadata_csum
whole "block maps" -t ext3 -b 1024 -N 22000
for i in $(seq "$IMAGES"); do
	damaged "$i"
done
done_testing
