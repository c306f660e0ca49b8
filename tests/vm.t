#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What only a whole machine shows: the OOM killer's and the control group's settings in effect, memory
# pressure in the unit's own group, a real /dev/ttyprintk, an older kernel (Debian's 6.1), a block device that the
# device mapper makes fail, a limit of memory that is enforced.
. "$(dirname "$0")/lib.sh"
need_root
need qemu-system-x86_64 cpio dmsetup mkfs.ext4 dpkg-query apt-cache
[ "$(uname -m)" = x86_64 ] || skip_all "the kernel's package is for x86_64"
. "$TESTS/vm.sh"
vm_kernel || skip_all "Debian's kernel cannot be had: $(tail -n 1 "$T/download.log" 2>/dev/null)"
cd "$T" || exit 2

vm_initrd
ok $? "an initial RAM disk" || { done_testing; exit; }
mkdir root && vm_root "$T/root"
ok $? "a root file system" || { diag "$(tail -n 5 install.log)"; done_testing; exit; }
truncate -s 600M root.img
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,nodiscard -d root root.img
ok $? "and its image" || { done_testing; exit; }
rm -rf root
# Large inodes, so that listing them takes memory.
mkdir -p tree/d{0..39} && touch tree/d{0..39}/file{1..150}
make_image vdb.img 256M -I 1024 -d tree
rm -rf tree
make_image vdc.img 32M
# Many more of them, as large as they can be.
mkdir -p tree/d{0..49} && (cd tree && for d in *; do (cd "$d" && touch file{1..200}); done)
make_image vdd.img 500M -b 4096 -I 4096 -N 11000 -d tree
rm -rf tree
vm_run 600 root.img vdb.img vdc.img vdd.img
ok $? "the machine ran to its end" || diag "$(cat qemu.log)" "$(tail -n 20 console.log)"
while IFS= read -r line; do
	line=${line%$'\r'}
	case $line in
	"ok "*) ok 0 "${line#ok }" ;;
	"not ok "*) ok 1 "${line#not ok }" ;;
	*) diag "${line#\# }" ;;
	esac
done <guest.log
is "$(tail -n 1 guest.log | tr -d '\r')" end "all of its tests ran"
fsck_clean vdb.img "the disk is clean"
fsck_clean vdc.img "the disk that failed is clean"
fsck_clean vdd.img "the one that was served with little memory is clean"
is "$(debugfs -R 'cat /hello' vdb.img 2>/dev/null)" hello "and has what was written"
done_testing
