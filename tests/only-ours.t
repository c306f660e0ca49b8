#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that is told to end takes its own mount away and no other: not the one below it, not one above it, not
# those on its folders.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck
cd "$T" || exit 2
mkdir mnt
make_image a.img 64M

mounts()
{
	awk -v m="$1" '$2 == m { print $3 }' /proc/self/mounts | tr '\n' ' '
}

# enter_folder FOLDER [FILE]: a process of ours stays in it, with a file that it has written; sets inside.
enter_folder()
{
	local file=${2:-/dev/null}
	# (What is closed has been sent to the server.)
	(cd "$1" && exec >"$file" && echo "${file##*/}" && exec sleep 300) &
	inside=$!
	for i in $(seq 50); do [ "$(cat /proc/$inside/comm)" = sleep ] && break; sleep 0.1; done
}

# stop OPTIONS NAME: SIGTERM, and the end of the server.
stop()
{
	kill "$(server_of a.img)"
	wait_free a.img
	fsck_clean a.img "$1: clean"
}

for options in logfile="$T/log" logfile="$T/log",nosandbox; do
	mode=${options#logfile="$T/log"} mode=sandbox${mode#,}
	mount -t tmpfs below mnt && echo below >mnt/marker

	mount_image a.img mnt "$options"
	enter_folder "$T/mnt"
	echo 1 >mnt/one
	stop "$mode, below, in use"
	is "$(mounts "$T/mnt")" "tmpfs " "$mode: below, in use: only our mount is gone"
	is "$(cat mnt/marker)" below "$mode: below, in use: the other one is as it was"
	kill $inside; wait $inside 2>/dev/null

	mount_image a.img mnt "$options"
	stop "$mode, below"
	is "$(mounts "$T/mnt")" "tmpfs " "$mode: below: only our mount is gone"

	# Two of ours, one on the other.
	make_image b.img 16M
	mount_image b.img mnt
	mount_image a.img mnt "$options"
	enter_folder "$T/mnt"
	stop "$mode, ours below"
	is "$(mounts "$T/mnt")" "tmpfs fuse.ext4 " "$mode: ours below: only the upper one is gone"
	touch mnt/serves
	ok $? "$mode: ours below: the lower one serves"
	kill $inside; wait $inside 2>/dev/null
	unmount mnt b.img

	mount_image a.img mnt "$options"
	enter_folder "$T/mnt" "$T/mnt/kept"
	mount -t tmpfs above mnt && echo above >mnt/marker
	stop "$mode, above"
	is "$(mounts "$T/mnt")" "tmpfs fuse.ext4 tmpfs " "$mode: above: the other one stays"
	is "$(cat mnt/marker)" above "$mode: above: as it was"
	like "$(tail -n 5 log)" "$T/mnt.*(another mount|covered)" "$mode: above: the log says so"
	kill $inside; wait $inside 2>/dev/null
	umount mnt && umount mnt
	is "$(cat mnt/marker)" below "$mode: above: both can be unmounted"
	mount_image a.img mnt "$options"
	is "$(cat mnt/kept)" kept "$mode: above: what the kernel had not written yet is there"

	mkdir -p mnt/sub && mount -t tmpfs on mnt/sub && echo on >mnt/sub/marker
	enter_folder "$T/mnt/sub" "$T/mnt/more"
	stop "$mode, on it"
	like "$(tail -n 5 log)" "$T/mnt.*mounted (on|below) it" "$mode: on it: the log says so"
	is "$(mounts "$T/mnt/sub")" "tmpfs " "$mode: on it: the other one stays"
	kill $inside; wait $inside 2>/dev/null
	umount -l mnt
	mount_image a.img mnt "$options"
	is "$(cat mnt/more)" more "$mode: on it: what the kernel had not written yet is there"
	unmount mnt a.img
	umount mnt

	# A mount that is refused late takes nothing with it, either.
	mount -t tmpfs below mnt
	cp a.img bad.img
	debugfs -w -R "clri <2>" bad.img 2>/dev/null
	"$FUSE4FS" -o "$options" bad.img mnt 2>/dev/null
	isnt $? 0 "$mode: a refused mount"
	is "$(mounts "$T/mnt")" "tmpfs " "$mode: a refused mount: the one below stays"
	umount mnt
done
done_testing
