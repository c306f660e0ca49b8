#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In a fast commit the blocks of an inode come before the inode: a file that is inline on the disk, and was not any more
# when it was synced, is replayed with its data, as far as the kernel's replay has it or better.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck dumpe2fs
have_kernel_ext4 || skip_all "needs loop devices and the kernel's ext4"

cd "$T" || exit 2
mkdir mnt kernel
make_image disk.img 64M -b 4096 -O fast_commit,inline_data -I 256
attach disk.img
mount -o commit=300 "$LOOP" kernel || skip_all "the kernel does not mount it"
echo small >kernel/file
echo other >kernel/other
sync
# A full commit has the small file; the rest is one fast commit.
"$PYTHON" - <<'END'
import os
fd = os.open("kernel/file", os.O_RDWR)
os.pwrite(fd, b"x" * 20000, 0)
os.fsync(fd)
END
cp --sparse=always disk.img dirty.img
umount kernel
detach "$LOOP"
like "$(dumpe2fs -h dirty.img 2>/dev/null)" needs_recovery "the log is not empty"

out=$(mount_image dirty.img mnt 2>&1)
ok $? "it can be mounted" || diag "$out"
is "$(stat -c %s mnt/file)" 20000 "the file has its size"
is "$(head -c 20000 /dev/zero | tr '\0' x | sha256sum)" "$(sha256sum <mnt/file)" "and its data"
is "$(cat mnt/other)" other "the other one is as it was"
unmount mnt dirty.img
fsck_clean dirty.img "clean"

done_testing
