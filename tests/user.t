#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An ordinary user mounts, works and unmounts without root.  The test takes a
# private mount namespace, with a /dev/fuse that everybody may use.
. "$(dirname "$0")/lib.sh"
need_root
need mkfs.ext4 fusermount3 setpriv unshare

own_namespace
mknod -m 666 "$T/fuse" c 10 229 2>/dev/null || skip_all "device nodes cannot be made"
mount --bind "$T/fuse" /dev/fuse || skip_all "/dev/fuse cannot be replaced"
chmod 755 "$T"
cp -L "$FUSE4FS" "$T/fuse4fs"
chmod 755 "$T/fuse4fs"
FUSE4FS=$T/fuse4fs
# fusermount3 wants users that have a name.
uid=$(id -u nobody) && gid=$(id -g nobody) || skip_all "there is no user nobody"
as_user="setpriv --reuid=$uid --regid=$gid --clear-groups"
$as_user "$FUSE4FS" -V >/dev/null 2>&1 || skip_all "an ordinary user cannot run the program here"
$as_user test -w /dev/fuse || skip_all "an ordinary user cannot use /dev/fuse here"

home=$T/home
mkdir -p "$home/mnt"
cd "$home" || exit 2
make_image a.img 32M -E root_owner=$uid:$gid
make_image locked.img 16M
chown -R $uid:$gid "$home"
chown 0:0 locked.img

$as_user "$FUSE4FS" a.img mnt
ok $? "mounts an own image"
like "$(grep " $home/mnt " /proc/self/mounts)" "fuse.ext4 .*user_id=$uid" "as this user"
if "$FUSE4FS" -o sandbox /dev/null . 2>&1 | grep -q "built without"; then
	skip "this build has no sandbox" "in a sandbox"
else
	is "$(awk '/^Seccomp:/ { print $2 }' "/proc/$(server_of a.img)/status")" 2 "in a sandbox"
fi
$as_user bash -c 'mkdir mnt/d && echo hello >mnt/d/f && ln -s f mnt/d/l && setfattr -n user.a -v b mnt/d/f'
ok $? "writes"
is "$($as_user cat mnt/d/l)" hello "reads"
is "$($as_user stat -c %u:%g mnt/d/f)" "$uid:$gid" "owns what was made"
$as_user chown 0:0 mnt/d/f 2>/dev/null
isnt $? 0 "cannot give files away"
ls mnt >/dev/null 2>&1
isnt $? 0 "nobody else sees the mount, not even root"
$as_user fusermount3 -u mnt
ok $? "unmounts"
wait_free a.img
fsck_clean a.img "the file system is clean"

chmod 644 locked.img
out=$($as_user "$FUSE4FS" locked.img mnt 2>&1)
ok $? "an image that this user may only read"
like "$out" "read-only" "it is said"
$as_user ls mnt >/dev/null
ok $? "can be read"
like "$(grep " $home/mnt " /proc/self/mounts)" " ro," "and not be written"
$as_user fusermount3 -u mnt
wait_free locked.img
before=$(sum_of locked.img)
chmod 600 locked.img
out=$($as_user "$FUSE4FS" locked.img mnt 2>&1)
is $? 32 "an image that this user may not even read"
like "$out" "permission" "it is said"
is "$(sum_of locked.img)" "$before" "it is unchanged"

# Somebody else's file system.
make_image other.img 32M
chown $uid:$gid other.img
$as_user "$FUSE4FS" other.img mnt
$as_user mkdir mnt/mine 2>/dev/null
isnt $? 0 "root's directory is root's"
$as_user fusermount3 -u mnt
wait_free other.img
$as_user "$FUSE4FS" -o fakeroot other.img mnt
$as_user bash -c 'mkdir mnt/mine && echo x >mnt/mine/x && chmod 755 mnt && chown 7:8 mnt/mine/x'
ok $? "fakeroot: may do everything"
is "$($as_user stat -c %u:%g mnt/mine/x)" 7:8 "fakeroot: also give files away"
$as_user fusermount3 -u mnt
wait_free other.img
$as_user "$FUSE4FS" -o squash_uids,squash_gids=99 other.img mnt
is "$($as_user stat -c %u:%g mnt/mine/x mnt | sort -u)" "$uid:99" "squash_uids, squash_gids=: all files look so"
$as_user bash -c 'echo more >>mnt/mine/x'
ok $? "squash_uids: and may be used so"
$as_user chown 5 mnt/mine/x 2>/dev/null
isnt $? 0 "squash_uids: owners stay"
$as_user fusermount3 -u mnt
wait_free other.img
is "$(debugfs -R 'stat /mine/x' other.img 2>/dev/null | grep -o 'User: *[0-9]*  *Group: *[0-9]*' | tr -s ' ')" \
	"User: 7 Group: 8" "squash_uids: on the disk they are as they were"
fsck_clean other.img "the file system is clean"

# A signal makes an ordinary user's server unmount as well.
$as_user "$FUSE4FS" a.img mnt
kill "$(server_of a.img)"
wait_free a.img
is "$(grep " $home/mnt " /proc/self/mounts)" "" "SIGTERM unmounts"

cd "$T" || exit 2
umount /dev/fuse
done_testing
