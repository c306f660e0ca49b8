#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# umount.fuse.ext4 waits for the server, and for nothing else: not for somebody who has locked the image, nor
# for a mount that is still there elsewhere.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
need flock
FUSE4FS=$T/bin/fuse4fs
cp "${UMOUNT_HELPER:-$BUILD/misc/umount.fuse.ext4}" "$T/bin/umount.fuse.ext4"
UMOUNT="timeout 30 $T/bin/umount.fuse.ext4"
cd "$T" || exit 2
mkdir mnt mnt2
make_image a.img 32M
chmod 644 a.img
uid=$(id -u nobody) gid=$(id -g nobody)
as_user="setpriv --reuid=$uid --regid=$gid --clear-groups"

# lock KIND: somebody waits for the image, as long as the test runs.
lock()
{
	$as_user flock "$1" a.img sleep 60 &
	lockers="$lockers $!"
}
lockers=
trap '[ -z "$lockers" ] || kill $lockers 2>/dev/null; cleanup' EXIT

# fill: so that there is something to write.
fill()
{
	local i
	for i in $(seq 500); do echo "$1 $i" >"mnt/$i"; done
}

# stop_lockers: flock(1) has a child, which has the lock, too.
stop_lockers()
{
	local p
	for p in $lockers; do
		# shellcheck disable=SC2046
		kill $(pgrep -P "$p") "$p" 2>/dev/null
	done
	wait 2>/dev/null
	lockers=
}

for kind in -s -x; do
	mount_image a.img mnt
	fill $kind
	pid=$(server_of a.img)
	lock $kind
	$UMOUNT "$T/mnt"
	is $? 0 "flock $kind: umount is not kept waiting"
	is "$(readlink "/proc/$pid/fd/"* 2>/dev/null | grep -c "$T/a.img")" 0 "flock $kind: the server is done"
	fsck_clean a.img "flock $kind: clean"
	stop_lockers
done

mount_image a.img mnt ro
mount_image a.img mnt2 ro
$UMOUNT "$T/mnt"
is $? 0 "two that only read: the other one is not waited for"
is "$(ls mnt2 | grep -c 500)" 1 "and goes on"
$UMOUNT "$T/mnt2"
is $? 0 "two that only read: the second one"
is "$(server_of a.img)" "" "both are gone"

mount_image a.img mnt
mount --bind mnt mnt2
$UMOUNT "$T/mnt"
is $? 0 "a bind mount that is still there is not waited for"
fill_out=$(ls mnt2 | wc -l)
isnt "$fill_out" 0 "and works"
unshare -m --propagation private sleep 60 &
holder=$!
for _ in $(seq 100); do
	[ "$(readlink "/proc/$holder/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] && break
	sleep 0.05
done
$UMOUNT "$T/mnt2"
is $? 0 "a mount in another namespace is not waited for"
kill $holder
wait $holder 2>/dev/null
wait_free a.img
fsck_clean a.img "clean"

if have_kernel_ext4; then
	attach a.img
	for i in 1 2 3 4 5; do
		mount_image "$LOOP" mnt
		fill "$i"
		$UMOUNT "$T/mnt" || break
		e2fsck -fn "$LOOP" >/dev/null 2>&1 || break
	done
	is $i 5 "a block device: clean right after"
	detach "$LOOP"
fi

# An ordinary user, who sees no other process: a server of their own, in its sandbox.
chown "$uid:$gid" mnt
make_image u.img 16M -E root_owner="$uid:$gid"
chown "$uid:$gid" u.img
if $as_user test -x "$FUSE4FS" && $as_user test -w /dev/fuse; then
	clean=0
	for i in 1 2 3 4 5; do
		$as_user "$FUSE4FS" u.img mnt
		$as_user sh -c 'for i in $(seq 300); do echo $i >mnt/$i; done'
		$as_user $UMOUNT "$T/mnt" && e2fsck -fn u.img >/dev/null 2>&1 && clean=$((clean + 1))
	done
	is $clean 5 "user: clean right after"
else
	skip "an ordinary user cannot run programs here" "user"
fi
done_testing
