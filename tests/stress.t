#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Eight threads do everything to the same names; the file system stays whole.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck

SECONDS_EACH=${SECONDS_EACH:-6}
cd "$T" || exit 2
mkdir mnt

# run NAME OPTIONS MKFS-ARGUMENT...
run()
{
	local name=$1 options=$2 out
	shift 2
	make_image disk.img 128M "$@"
	mount_image disk.img mnt "logfile=log${options:+,$options}" || { ok 1 "$name: mount"; return; }
	out=$("$PROGS/stress" mnt "$SECONDS_EACH" 8 2>&1)
	ok $? "$name ($out)" || diag "$(tail -n 20 log)"
	is "$(grep -c damage log)" 0 "$name: nothing is damaged" || diag "$(grep -m 5 damage log)"
	unmount mnt disk.img
	fsck_clean disk.img "$name: it is clean"
	mount_image disk.img mnt
	rm -rf mnt/d* 2>err
	is "$(cat err; ls mnt)" "lost+found" "$name: all of it can be removed"
	unmount mnt disk.img
	fsck_clean disk.img "$name: and that leaves it clean"
}

run "defaults" "" -b 4096
run "small blocks, inline data, small journal" "" -b 1024 -O inline_data -I 512 -J size=1
run "without extents and journal" "" -b 1024 -O ^extent,^64bit,^has_journal
run "EA inodes, orphan file" "" -b 1024 -O ea_inode,orphan_file -J size=2
run "journaled data" data=journal -b 2048
done_testing
