#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Mounting and unmounting: background, foreground and debug modes, signals,
# what is listed, log and lock files, exit codes.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4

cd "$T" || exit 2
mkdir mnt
make_image a.img 32M

entry()
{
	grep " $T/mnt " /proc/self/mounts
}

# start ARGUMENT...: in the foreground of a job; waits until it is mounted.  Sets PID.
start()
{
	"$FUSE4FS" "$@" >out 2>&1 &
	PID=$!
	for _ in $(seq 100); do
		entry >/dev/null && stat mnt/. >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	return 1
}

out=$("$FUSE4FS" a.img mnt 2>&1)
is "$?" 0 "background: exit code"
is "$out" "" "background: silence is success"
like "$(entry)" "^$T/a.img $T/mnt fuse.ext4 rw" "it is listed with source and type"
is "$(cat "/proc/$(server_of a.img)/cwd/etc/hostname" 2>/dev/null)" "$(cat /etc/hostname 2>/dev/null)" \
	"the server does not hold our folder"
echo one >mnt/one
unmount mnt a.img
ok $? "umount ends the server"
fsck_clean a.img "and the file system is clean"

start -f a.img mnt
ok $? "foreground: mounts"
# The mount can be used a moment before that.
for _ in $(seq 100); do
	grep -q "mounted on" out && break
	sleep 0.05
done
like "$(cat out)" "mounted on $T/mnt" "foreground: says so"
is "$(cat mnt/one)" one "what was written is there"
umount mnt
wait $PID
is $? 0 "foreground: exit code after umount"
like "$(cat out)" "unmounted" "foreground: says that it has ended"

start -d a.img mnt
ok $? "debug: mounts"
cat mnt/one >/dev/null
umount mnt
wait $PID
is $? 0 "debug: exit code"
like "$(cat out)" "opcode: LOOKUP" "debug: requests are printed"

for sig in TERM INT HUP; do
	start -f a.img mnt
	# Dirty pages that the server has not seen yet must survive.
	{ head -c 300000 /dev/zero | tr '\0' "${sig:0:1}"; } >"mnt/$sig"
	kill -$sig $PID
	wait $PID
	is $? 0 "SIG$sig: exit code"
	is "$(entry)" "" "SIG$sig: nothing stays mounted"
	fsck_clean a.img "SIG$sig: the file system is clean"
done
start -f a.img mnt
exec 5>mnt/open
echo written >&5
cd mnt || exit 2
kill -TERM $PID
wait $PID
is $? 0 "SIGTERM while the mount is busy: exit code"
cd "$T" || exit 2
exec 5>&- 2>/dev/null
fsck_clean a.img "SIGTERM while the mount is busy: the file system is clean"

start -f a.img mnt
for sig in TERM INT HUP; do
	is "$(wc -c <mnt/$sig)" 300000 "SIG$sig: what was written is there"
done
is "$(cat mnt/open)" written "what an open file had is there"
kill -9 $PID
wait $PID 2>/dev/null
ls mnt >/dev/null 2>&1
isnt $? 0 "a killed server is a dead mount"
umount mnt
out=$("$FUSE4FS" a.img mnt 2>&1)
is "$?" 0 "after a kill it can be mounted again"
unmount mnt a.img

start -f -s a.img mnt
cp -r "$TESTS"/*.t mnt/ && diff -r "$TESTS/mount.t" mnt/mount.t
ok $? "one thread is enough"
kill $PID
wait $PID
is $? 0 "one thread: exit code"

# Names of the program, and of the mount.
ln -s "$FUSE4FS" fuse2fs
FUSE4FS=./fuse2fs start -f a.img mnt
ok $? "fuse2fs mounts too"
umount mnt; wait $PID
like "$(cat out)" "^fuse2fs: " "and speaks under that name"
mount_image a.img mnt fsname=disk,subtype=mine
like "$(entry)" "^disk $T/mnt fuse.mine " "fsname= and subtype="
unmount mnt a.img
mount_image a.img mnt no_default_opts
like "$(entry)" "^[^/ ]*(/dev/fuse|fuse4fs) $T/mnt fuse " "no_default_opts" ||
	diag "$(entry)"
unmount mnt a.img
cp a.img 'odd, name\.img'
mount_image 'odd, name\.img' mnt
ok $? "a name with a comma and a backslash"
like "$(entry)" '^'"$T"'/odd,\\040name\\134\.img ' "is listed as it is"
unmount mnt 'odd, name\.img'

# Log and lock files, given with names that stop being good when the server changes its folder.
mount_image a.img mnt logfile=log,lockfile=lock
pid=$(server_of a.img)
is "$(cat lock)" "$pid" "lockfile= has the server's number"
cp a.img b.img
mkdir mnt2
out=$("$FUSE4FS" -o lockfile=lock b.img mnt2 2>&1)
is $? 32 "lockfile= of another server: refused"
like "$out" "held by process $pid" "lockfile= of another server: named"
unmount mnt a.img
like "$(cat log)" "mounted on $T/mnt.*" "logfile= has the mount"
like "$(cat log)" "unmounted" "logfile= has the end"
ok "$([ ! -e lock ]; echo $?)" "lockfile= goes away"
FUSE2FS_LOGFILE=$T/log2 mount_image a.img mnt
unmount mnt a.img
like "$(cat log2)" "unmounted" "FUSE2FS_LOGFILE"
FUSE4FS_LOGFILE=$T/log4 FUSE2FS_LOGFILE=$T/log5 mount_image a.img mnt debug
unmount mnt a.img
like "$(cat log4)" "unmounted" "FUSE4FS_LOGFILE"
mount_image a.img mnt logfile=log6,timing
ls mnt >/dev/null
unmount mnt a.img
like "$(cat log6)" "timing: lookup|timing: init 1 " "timing"

if [ "$(id -u)" = 0 ]; then
	mount_image a.img mnt
	if (echo -500 >/proc/self/oom_score_adj) 2>/dev/null; then
		is "$(cat "/proc/$(server_of a.img)/oom_score_adj")" -500 "the server is not killed first"
	else
		skip "oom_score_adj cannot be lowered here" "the server is not killed first"
	fi
	unmount mnt a.img
	mount_image a.img mnt oom_score_adj=77
	is "$(cat "/proc/$(server_of a.img)/oom_score_adj")" 77 "oom_score_adj="
	unmount mnt a.img
	mount_image a.img mnt kernel
	like "$(entry)" " rw,relatime,.*allow_other" "kernel: suid, dev, allow_other"
	unmount mnt a.img
fi
if command -v fusermount3 >/dev/null; then
	# One in a hundred times fusermount3 looks before the kernel knows that the server is dead.
	for try in 1 2 3; do
		mount_image a.img mnt auto_unmount
		ok $? "auto_unmount: mounts"
		kill -9 "$(server_of a.img)"
		for _ in $(seq 50); do
			[ -n "$(entry)" ] || break 2
			sleep 0.1
		done
		[ $try = 3 ] || umount -l mnt
	done
	is "$(entry)" "" "auto_unmount: a killed server leaves no dead mount"
fi
mount_image a.img mnt logfile=log7
unmount mnt a.img
is "$(grep -c "FUSE protocol" log7)" 0 "without debug, no debug messages"
mount_image a.img mnt logfile=log7,debug
unmount mnt a.img
like "$(cat log7)" "FUSE protocol 7" "debug"
out=$("$FUSE4FS" -o nofail,_netdev,x-a=b,defaults,nodelalloc,stripe=8 a.img mnt 2>&1)
is $? 0 "generic words are accepted"
like "$out" "nodelalloc,stripe=8" "and what they cannot do is said"
is "$(printf '%s\n' "$out" | wc -l)" 1 "once"
unmount mnt a.img
fsck_clean a.img "the file system is clean"

done_testing
