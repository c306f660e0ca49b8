#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The server is told to end while eight threads do everything, or the mount is taken away under
# them: it writes what it has, and the image is clean.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

cd "$T" || exit 2
mkdir mnt

start()
{
	make_image disk.img 96M "$@"
	mount_image disk.img mnt logfile="$T/log" || return
	echo durable >mnt/file && sync mnt/file
	"$PROGS/stress" mnt 60 8 "$RANDOM" >/dev/null 2>&1 &
	load=$!
	sleep 1.$((RANDOM % 9))
}

# finish NAME: no server any more, a clean image with what was there.
finish()
{
	wait_free disk.img
	ok $? "$1: the server ends"
	umount -l mnt 2>/dev/null
	kill $load 2>/dev/null
	wait $load 2>/dev/null
	is "$(dumpe2fs -h disk.img 2>/dev/null | grep -c needs_recovery)" 0 "$1: nothing is left in the journal"
	fsck_clean disk.img "$1: the image is clean"
	mount_image disk.img mnt ro
	is "$(cat mnt/file)" durable "$1: what was there is there"
	unmount mnt disk.img
	is "$(grep -c damage log)" 0 "$1: nothing was damaged" || diag "$(grep -m 5 damage log)"
	rm -f log
}

for signal in TERM INT HUP; do
	for options in "-b 4096" "-b 1024 -J size=1 -O inline_data,orphan_file"; do
		# shellcheck disable=SC2086
		start $options
		kill -$signal "$(server_of disk.img)"
		finish "SIG$signal ($options)"
	done
done

start -b 1024
pid=$(server_of disk.img)
for i in $(seq 20); do
	kill -TERM "$pid" 2>/dev/null
done
finish "SIGTERM twenty times"

# The attendant, which has the kernel write back, is also asked what callers may do.
start -b 4096
for i in 1 2 3 4; do
	(
		cp /bin/true mnt/setid$i && chmod 6777 mnt/setid$i
		while fallocate -l 200000 mnt/setid$i 2>/dev/null && truncate -s 100 mnt/setid$i 2>/dev/null; do
			echo more >>mnt/setid$i
		done
	) 2>/dev/null &
done
sleep 1
kill -TERM "$(server_of disk.img)"
finish "SIGTERM while callers are looked at"

start -b 4096
umount mnt 2>err
isnt $? 0 "busy: umount refuses"
like "$(cat err)" "busy" "busy: and says why"
ls mnt >/dev/null
ok $? "busy: all goes on"
umount -l mnt
ok $? "busy: a lazy umount"
sleep 0.5
server_of disk.img >/dev/null
ok $? "busy: the server stays for those who are in it"
kill $load
finish "after the last has gone"
done_testing
