#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mount service without a service manager: a small activator starts the server, as an
# unprivileged user, for each connection.  In a mount namespace of its own.
. "$(dirname "$0")/lib.sh"
. "$TESTS/service.sh"
need fusermount3
cd "$T" || exit 2
bin=$T/bin
mkdir mnt mnt2
SERVER_UID=64123

"$HELPER" -t ext4 --check
is $? 1 "check: no socket"
out=$("$HELPER" a.img mnt -t ext4 2>&1)
is $? 2 "no socket: the classic server may do it"
like "$out" "no service" "no socket: it is said"

listen ext4 -u $SERVER_UID -- "$bin/fuse4fs" -o kernel
"$HELPER" --check -t fuse.ext4
is $? 0 "check: a socket"

make_image a.img 32M
out=$("$HELPER" "$T/a.img" "$T/mnt" -t fuse.ext4 -o rw,noatime 2>&1)
is $? 0 "mounts" || diag "$out" "$(cat server.log)"
is "$out" "" "silence is success"
like "$(entry mnt)" "^$T/a.img $T/mnt fuse.ext4 rw,nosuid,nodev,noatime.*default_permissions,allow_other" \
	"it is listed with source, type and options"
mkdir mnt/d && echo hello >mnt/d/f && cp "$FUSE4FS" mnt/copy
ok $? "writes"
is "$(cat mnt/d/f)" hello "reads"
is "$(sum_of mnt/copy)" "$(sum_of "$FUSE4FS")" "and what was written is there"
pid=$(server_of a.img)
is "$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")" $SERVER_UID "the server is an unprivileged user"
is "$(awk '/^CapEff/ { print $2 }' "/proc/$pid/status")" 0000000000000000 "without capabilities"
is "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" 1 "and without a socket but its attendant's"
is "$(find "/proc/$pid/fd" -lname "$T/a.img" | wc -l)" 1 "the image is open once"
like "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "fuse4fs.* -t ext4 -o kernel $T/a.img $T/mnt" "its title says what it does"

out=$("$HELPER" "$T/a.img" "$T/mnt2" -t ext4 2>&1)
is $? 1 "a second mount of the image is refused"
like "$out" "in use by process $pid" "and the holder named"
is "$(entry mnt2)" "" "nothing is mounted"
umount mnt && wait_free a.img
ok $? "umount ends the server"
fsck_clean a.img "the file system is clean"

cp a.img bad.img
dd if=/dev/urandom of=bad.img bs=1k seek=1 count=1 conv=notrunc 2>/dev/null
out=$("$HELPER" "$T/bad.img" "$T/mnt" -t ext4 2>&1)
is $? 1 "a damaged image is refused"
like "$out" "fuse4fs: $T/bad.img: " "and the user told why"
is "$(printf '%s\n' "$out" | wc -l)" 1 "once"
is "$(entry mnt)" "" "nothing is mounted"

out=$("$HELPER" "$T/a.img" "$T/mnt" -t ext4 -o nonsense 2>&1)
is $? 1 "an unknown option is refused"
like "$out" "unknown option .nonsense" "and named"
out=$("$HELPER" "$T/none.img" "$T/mnt" -t ext4 2>&1)
is $? 1 "a missing image is refused"
like "$out" "none.img: No such file" "and the user told"
touch file
out=$("$HELPER" "$T/a.img" "$T/file" -t ext4 2>&1)
is $? 1 "a file is no mount point"
like "$out" "Not a directory" "and the user told"
fsck_clean a.img "the file system is still clean"

"$HELPER" a.img mnt -t ext4 -o ro 2>&1
is $? 0 "relative names, read-only"
like "$(entry mnt)" " ro," "it is listed as read-only"
like "$(cat mnt/d/f)" hello "and read"
before=$(sum_of a.img)
umount mnt && wait_free a.img
is "$(sum_of a.img)" "$before" "not a byte has changed"

"$HELPER" a.img mnt -t ext4 -o nosymfollow 2>&1
is $? 0 "nosymfollow: mounts"
like "$(entry mnt)" "nosymfollow" "nosymfollow: it is listed"
umount mnt && wait_free a.img

"$HELPER" "$T/a.img" "$T/mnt" -t ext4
echo before >mnt/before
sync mnt/before
pid=$(server_of a.img)
kill -TERM "$pid"
wait_free a.img
ok $? "SIGTERM ends the server"
is "$(cat mnt/before 2>&1 | grep -c 'not connected')" 1 "the mount is dead"
umount -l mnt
fsck_clean a.img "SIGTERM: the file system is clean"

"$HELPER" "$T/a.img" "$T/mnt" -t ext4
make_image b.img 32M
"$HELPER" "$T/b.img" "$T/mnt2" -t ext4
echo lasting >mnt/lasting
sync mnt/lasting
kill_server a.img mnt
ok $? "a server is killed"
echo other >mnt2/other
is "$(cat mnt2/other)" other "another one is not impressed"
umount mnt2 && wait_free b.img
"$HELPER" "$T/a.img" "$T/mnt" -t ext4
is "$(cat mnt/lasting)" lasting "what was fsynced is there"
umount mnt && wait_free a.img
fsck_clean a.img "after the replay the file system is clean"

# mount(8) and its helper
mkdir sbin
cp "$BUILD/misc/mount.fuse.ext4" sbin/
# (Another user's programs must be found, and /sbin belongs to the machine.)
cp "$BUILD/misc/umount.fuse.ext4" sbin/
out=$(sbin/umount.fuse.ext4 "$T/mnt" 2>&1)
isnt $? 0 "umount.fuse.ext4: nothing to unmount"
sbin/mount.fuse.ext4 "$T/a.img" "$T/mnt" -f -o rw
is "$?:$(entry mnt)" "0:" "mount.fuse.ext4 -f does nothing"

# An ordinary user
uid=$(id -u nobody) && gid=$(id -g nobody)
as_user="setpriv --reuid=$uid --regid=$gid --clear-groups"
mkdir home home/mnt home/notmine
make_image home/u.img 16M -E root_owner=$uid:$gid
cp a.img home/root.img
chmod 600 home/root.img
chown $uid:$gid home home/mnt home/u.img
if $as_user test -x "$HELPER" && $as_user test -w /dev/fuse; then
	out=$($as_user "$HELPER" "$T/home/u.img" "$T/home/mnt" -t ext4 -o rw 2>&1)
	is $? 0 "user: mounts" || diag "$out" "$(tail -n 3 server.log)"
	is "$out" "" "user: silence is success"
	like "$(entry home/mnt)" "rw,nosuid,nodev.*user_id=$uid" "user: nosuid, nodev and the user's id"
	$as_user sh -c "echo mine >home/mnt/f && cat home/mnt/f" >/dev/null
	ok $? "user: writes and reads"
	ls home/mnt >/dev/null 2>&1
	isnt $? 0 "user: nobody else gets in"
	$as_user sbin/umount.fuse.ext4 "$T/home/mnt"
	is $? 0 "user: unmounts"
	wait_free home/u.img
	fsck_clean home/u.img "user: the file system is clean"
	out=$($as_user "$HELPER" "$T/home/root.img" "$T/home/mnt" -t ext4 2>&1)
	is $? 1 "user: somebody else's image is refused"
	like "$out" "root.img: Permission denied" "user: and it is said"
	out=$($as_user "$HELPER" "$T/home/u.img" "$T/home/notmine" -t ext4 2>&1)
	is $? 1 "user: somebody else's folder is refused"
	like "$out" "only mount on what you can write" "user: and it is said"
	out=$($as_user "$HELPER" "$T/home/u.img" "$T/home/mnt" -t ext4 -o allow_other,suid 2>&1)
	is $? 1 "user: allow_other is refused"
	out=$($as_user "$HELPER" "$T/home/u.img" "$T/home/mnt" -t ext4 -o suid,dev 2>&1)
	is $? 0 "user: suid and dev are not refused"
	like "$out" "ignored" "user: but ignored, and that said"
	like "$(entry home/mnt)" "nosuid,nodev" "user: indeed"
	umount home/mnt
	wait_free home/u.img
	chmod 600 "$SOCKETS/ext4"
	$as_user "$HELPER" -t ext4 --check
	is $? 1 "user: check: a socket that is not for users"
	out=$($as_user "$HELPER" "$T/home/u.img" "$T/home/mnt" -t ext4 2>&1)
	is $? 1 "user: a socket that is not for users"
	like "$out" "Permission denied" "user: and it is said"
else
	skip "an ordinary user cannot run programs here" "user:"
fi
stop_listening
out=$("$HELPER" a.img mnt -t ext4 2>&1)
is $? 2 "a socket where nobody listens: the classic server may do it"

done_testing
