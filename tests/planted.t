#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lockfile= and logfile= in a folder that another user may write: what that one has put there neither leads to
# another file nor holds up the mount, and only what the server has made is removed.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck setpriv
cd "$T" || exit 2
chmod 755 .
mkdir mnt theirs
make_image a.img 16M
echo precious >precious
chown 65534 theirs
user="setpriv --reuid=65534 --regid=65534 --clear-groups"

# refused OPTION REGEX NAME
refused()
{
	local out status
	out=$(timeout -s KILL 30 "$FUSE4FS" -o "$1" a.img mnt 2>&1)
	status=$?
	is "$(mountpoint -q mnt && echo mounted):$((status != 0 && status != 137))" ":1" "$3: refused" || diag "$status $out"
	like "$out" "$2" "$3: and told why"
	umount mnt 2>/dev/null && wait_free a.img
	is "$(cat precious)" precious "$3: the file is as it was"
}

for option in lockfile logfile; do
	$user ln -s "$T/precious" theirs/f
	refused "$option=theirs/f" "theirs/f: .*symbolic link" "$option, their symlink"
	$user ln -sf "$T/new" theirs/f
	refused "$option=theirs/f" "theirs/f: .*symbolic link" "$option, their symlink to nothing"
	[ ! -e new ]
	ok $? "$option: nothing was made"
	rm theirs/f
	ln precious theirs/f
	refused "$option=theirs/f" "theirs/f: " "$option, a hard link"
	rm theirs/f
	$user mkfifo theirs/f
	refused "$option=theirs/f" "theirs/f: " "$option, a pipe that nobody reads"
	rm theirs/f
done
refused "lockfile=$T/precious" "precious: it is no lock file" "lockfile, a file with other content"
ln -s "$T/precious" link
refused "lockfile=link" "link: it is a symbolic link" "lockfile, a symlink of ours"
rm link

mount_image a.img mnt lockfile=theirs/lock
is "$(cat theirs/lock)" "$(server_of a.img)" "lockfile: made"
out=$("$FUSE4FS" -o lockfile=theirs/lock a.img mnt 2>&1)
like "$out" "held by process $(server_of a.img)" "lockfile: held"
$user mv theirs/lock theirs/old
$user sh -c 'echo mine >theirs/lock'
unmount mnt a.img
sleep 0.3
is "$(cat theirs/lock)" mine "lockfile: what took its name is not removed"
rm -f theirs/lock theirs/old
mount_image a.img mnt lockfile=theirs/lock
unmount mnt a.img
for i in $(seq 50); do [ -e theirs/lock ] || break; sleep 0.1; done
[ ! -e theirs/lock ]
ok $? "lockfile: ours is removed"
: >empty
mount_image a.img mnt lockfile=empty
unmount mnt a.img
sleep 0.3
[ -e empty ]
ok $? "lockfile: one that was there stays"
mount_image a.img mnt lockfile=lock
kill_server a.img mnt
[ -s lock ]
ok $? "lockfile: left behind by a server that was killed"
for i in $(seq 100); do flock -n lock true && break; sleep 0.1; done
mount_image a.img mnt lockfile=lock
ok $? "lockfile: and taken over by the next"
unmount mnt a.img
for i in $(seq 50); do [ -e lock ] || break; sleep 0.1; done
[ ! -e lock ]
ok $? "lockfile: which removes it"

# What is root's own is followed.
mkdir logs
ln -s logs/real log
mount_image a.img mnt logfile=log
ok $? "logfile: root's symlink"
unmount mnt a.img
like "$(cat logs/real)" "mounted on" "logfile: leads to the file"
"$FUSE4FS" -f -o logfile=/dev/stdout a.img mnt >out 2>&1 &
front=$!
for i in $(seq 100); do mountpoint -q mnt && break; sleep 0.1; done
umount mnt
wait $front
is $? 0 "logfile: /dev/stdout"
like "$(cat out)" "unmounted" "logfile: has the messages"
fsck_clean a.img "clean"
done_testing
