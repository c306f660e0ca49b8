#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The device is ours alone: whoever has it already is named, and who comes
# second is refused; a holder that is about to go is waited for.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 flock

cd "$T" || exit 2
mkdir mnt mnt2
make_image one.img 16M

# second REGEX NAME ARGUMENT...
second()
{
	local regex=$1 name=$2 out before
	shift 2
	before=$(sum_of one.img)
	out=$("$FUSE4FS" "$@" 2>&1)
	is "$?" 32 "$name: refused" || umount mnt2
	like "$out" "$regex" "$name: the holder is named"
	is "$(sum_of one.img)" "$before" "$name: the image is unchanged"
}

mount_image one.img mnt
ok $? "the first mount works"
sync -f mnt
second "process $(server_of one.img) \(fuse4fs\)" "second mount by us" one.img mnt2
second "process $(server_of one.img) \(fuse4fs\)" "second mount, read-only" -o ro one.img mnt2
second "mounted on $T/mnt;.*mount --bind $T/mnt" "second mount, where the first one is" one.img mnt2
echo still here >mnt/file
is "$(cat mnt/file)" "still here" "the first mount goes on"
unmount mnt one.img
ok $? "and ends"

mount_image one.img mnt ro
mount_image one.img mnt2 ro
ok $? "two that only read may share an image"
is "$(cat mnt2/file)" "still here" "and both see it"
umount mnt
umount mnt2
wait_free one.img

(exec 9<one.img; flock -x 9; exec sleep 20) &
sleeper=$!
sleep 0.3
second "process $sleeper \(sleep\)" "a file that another program has locked" one.img mnt2
kill $sleeper
wait $sleeper 2>/dev/null

(exec 9<one.img; flock -x 9; exec sleep 1) &
sleep 0.3
mount_image one.img mnt
ok $? "a holder that goes soon is waited for"
wait
unmount mnt one.img

# umount(8) returns before the server has ended; the next mount waits for that.
rc=0
for i in $(seq 10); do
	mount_image one.img mnt && echo "$i" >>mnt/log && umount mnt || rc=1
done
ok $rc "mount right after umount, ten times"
wait_free one.img
mount_image one.img mnt
is "$(wc -l <mnt/log)" 10 "nothing of it was lost"
unmount mnt one.img

mount_image one.img mnt
for i in $(seq 2000); do echo $i >mnt/$i; done
"$BUILD/misc/umount.fuse.ext4" "$T/mnt" -n
is $? 0 "umount.fuse.ext4 unmounts"
is "$(server_of one.img)" "" "and waits for the server"
fsck_clean one.img "so that the image is clean at once"
mount_image one.img mnt
rm mnt/[0-9]*
(cd mnt && exec sleep 20) &
sleep 0.3
"$BUILD/misc/umount.fuse.ext4" mnt 2>/dev/null
is $? 32 "umount.fuse.ext4: not while it is in use"
kill %%
wait
"$BUILD/misc/umount.fuse.ext4" mnt -v -t fuse.ext4
is $? 0 "umount.fuse.ext4: afterwards"

if have_kernel_ext4; then
	attach one.img
	second "$LOOP" "an image under a loop device" one.img mnt2
	mount -t ext4 "$LOOP" mnt
	second "$LOOP" "an image that the kernel has mounted" one.img mnt2
	second "kernel.*mounted on $T/mnt" "a device that the kernel has mounted" "$LOOP" mnt2
	umount mnt
	mount_image "$LOOP" mnt
	ok $? "a loop device itself can be mounted"
	mount -t ext4 "$LOOP" mnt2 2>/dev/null
	isnt "$?" 0 "the kernel cannot have a device that we have"
	second "process [0-9]+ \(fuse4fs\), which has it mounted on $T/mnt;.*mount --bind" "a device that we have" "$LOOP" mnt2
	unmount mnt "$LOOP"
	detach "$LOOP"
else
	skip "no loop devices or no ext4 in the kernel" "devices that the kernel has"
fi
fsck_clean one.img "the image is clean"

done_testing
