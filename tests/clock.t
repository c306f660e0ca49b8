#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The wall clock jumps while a file system is served: a year back, ten years forward, before
# 1970, past what an inode holds.  Nobody waits longer or works harder for it.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck debugfs tune2fs cc
LC_ALL=C nm -D "$FUSE4FS" 2>/dev/null | grep -Eq '__(a|t)san_init' && skip_all "the sanitizer wants to be loaded first"

cd "$T" || exit 2
mkdir mnt
cc -shared -fPIC -o clock.so "$TESTS/preload/clock.c" || skip_all "no library can be built"
year=31556952

# jump SECONDS: this far from what the time is
jump()
{
	"$PYTHON" -c 'import struct, sys; open("clock", "r+b").write(struct.pack("=q", int(sys.argv[1])))' "$1"
}

start()
{
	TEST_CLOCK=$T/clock LD_PRELOAD=$T/clock.so mount_image "$@"
}

# Ticks of processor time that the server's threads which wait by a clock have used.
used()
{
	cat "/proc/$server/task"/*/stat | awk '!/fuse4fs-worker/ { sub(/.*\) /, ""); n += $12 + $13 } END { print n }'
}

# some NAME: a bit of everything
some()
{
	mkdir "mnt/$1" && echo content >"mnt/$1/file" && sync "mnt/$1/file" && sync "mnt/$1" &&
		mv "mnt/$1/file" "mnt/$1/moved" && cat "mnt/$1/moved" && ls "mnt/$1" && chmod 600 "mnt/$1/moved" &&
		ln -s moved "mnt/$1/link" && truncate -s 0 "mnt/$1/moved" && touch "mnt/$1/moved" && sync -f mnt &&
		rm -r "mnt/$1"
}
export -f some

# written NAME: without being asked for it?  A copy of the image is what a crash would leave.
written()
{
	local before start
	echo content >"mnt/$1"
	before=$(used) start=$SECONDS
	sleep 3
	[ $(($(used) - before)) -lt $(((SECONDS - start) * 20)) ]
	ok $? "$name, $1: the server rests"
	cp disk.img copy.img
	# Or e2fsck would wait for whether the server is alive.
	tune2fs -f -E clear_mmp copy.img >/dev/null 2>&1
	e2fsck -fy copy.img >/dev/null 2>&1
	like "$(debugfs -R "stat $1" copy.img 2>/dev/null)" "Type: regular" "$name, $1: what is written by the clock is"
}

# jumps NAME OPTIONS MKFS-ARGUMENT...
jumps()
{
	local name=$1 options=$2 server past=$((-$(date +%s) - 5 * year))
	shift 2
	head -c 8 /dev/zero >clock
	make_image disk.img 8M "$@"
	start disk.img mnt "$options"
	server=$(server_of disk.img)
	set -- back -$year forward $((10 * year)) before_1970 "$past" far $((600 * year))
	while [ $# -gt 0 ]; do
		jump "$2"
		timeout 20 bash -c "some dir" >/dev/null
		ok $? "$name, $1: all of it works"
		# One jump forward is enough to wait for.
		[ "$1" = far ] || { [ "$1" = forward ] && [ "$name" != journal ]; } || written "$1"
		shift 2
	done
	jump "$past"
	timeout 20 umount mnt && wait_free disk.img
	ok $? "$name: it ends"
	fsck_clean disk.img "$name: it is clean"
	like "$(debugfs -R stats disk.img 2>/dev/null)" "Last write time: *Thu Jan  1 00:00:00 1970" \
		"$name: the clock did jump"
}

export TZ=UTC
jumps "journal" commit=1,lazytime,strictatime
jumps "no journal" flush_interval=1 -O ^has_journal
jumps "multi-mount protection" commit=1 -O mmp -E mmp_update_interval=1
done_testing
