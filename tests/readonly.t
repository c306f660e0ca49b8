#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ro writes not a byte: clean images, images with a dirty journal (replayed in memory), and
# images that may only be read.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4

cd "$T" || exit 2
mkdir mnt
make_image a.img 32M
mount_image a.img mnt
mkdir mnt/dir
echo one >mnt/dir/one
unmount mnt a.img

before=$(sum_of a.img)
stamp=$(stat -c %y a.img)
mount_image a.img mnt ro
ok $? "a clean image, ro"
is "$(cat mnt/dir/one)" one "can be read"
like "$(grep " $T/mnt " /proc/self/mounts)" " ro," "is listed as read-only"
touch mnt/new 2>err
isnt $? 0 "cannot be written"
like "$(cat err)" "Read-only file system" "with EROFS"
chmod 600 mnt/dir/one 2>/dev/null
isnt $? 0 "nor its attributes"
unmount mnt a.img
is "$(sum_of a.img)" "$before" "not a byte has changed"
is "$(stat -c %y a.img)" "$stamp" "nor has its time"

# A journal that must be replayed.
mount_image a.img mnt
mkdir mnt/later
echo two >mnt/later/two
sync -f mnt
"$PYTHON" - mnt/later <<'END'
import os, sys
for path in (sys.argv[1] + "/two", sys.argv[1], os.path.dirname(sys.argv[1])):
	fd = os.open(path, os.O_RDONLY)
	os.fsync(fd)
END
kill_server a.img mnt
like "$(dumpe2fs -h a.img 2>/dev/null)" needs_recovery "the image needs recovery"
before=$(sum_of a.img)
mount_image a.img mnt ro
ok $? "an image with a dirty journal, ro"
is "$(cat mnt/later/two)" two "shows what the journal has"
unmount mnt a.img
is "$(sum_of a.img)" "$before" "not a byte has changed"
mount_image a.img mnt noload
ok $? "the same, noload"
is "$(cat mnt/dir/one)" one "shows what is outside the journal"
touch mnt/new 2>/dev/null
isnt $? 0 "and is read-only"
unmount mnt a.img
is "$(sum_of a.img)" "$before" "not a byte has changed"
out=$("$FUSE4FS" -o ro,commit=x a.img mnt 2>&1)
is "$(sum_of a.img)" "$before" "nor after a mount that was refused"
mount_image a.img mnt
is "$(cat mnt/later/two)" two "rw replays it"
unmount mnt a.img
fsck_clean a.img "and leaves it clean"

if [ "$(id -u)" = 0 ] && have_kernel_ext4; then
	before=$(sum_of a.img)
	attach a.img -r
	out=$(mount_image "$LOOP" mnt 2>&1)
	ok $? "a device that can only be read"
	like "$out" "read-only" "it is said"
	like "$(grep " $T/mnt " /proc/self/mounts)" " ro," "it is mounted ro"
	is "$(cat mnt/later/two)" two "can be read"
	unmount mnt "$LOOP"
	detach "$LOOP"
	is "$(sum_of a.img)" "$before" "not a byte has changed"
else
	skip "needs root and loop devices" "a device that can only be read"
fi

done_testing
