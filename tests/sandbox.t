#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a server that runs without a service's unit gives up by itself, that everything works
# without it, and what is seen when it tries nevertheless.
. "$(dirname "$0")/lib.sh"
need mkfs.ext4 e2fsck debugfs
need_fuse
cd "$T" || exit 2
make_image a.img 64M
"$FUSE4FS" --help >/dev/null
mkdir mnt
out=$("$FUSE4FS" -o sandbox,logfile=log0 a.img mnt 2>&1) || {
	[[ $out =~ "built without" ]] && skip_all "this build has no sandbox"
}
like "$(mount)" "$T/mnt type fuse.ext4" "sandbox: mounts" || diag "$out"

# statuses PID FIELD: the different values of a line of the status of all threads.
statuses()
{
	awk -v "key=$2:" '$1 == key { print $2 }' /proc/"$1"/task/*/status | sort -u | tr '\n' ' '
}

# log_has FILE REGEX NAME
log_has()
{
	local i
	for i in $(seq 50); do
		grep -Eq "$2" "$1" 2>/dev/null && break
		sleep 0.1
	done
	like "$(cat "$1")" "$2" "$3"
}

mount_entry()
{
	grep -c " $T/mnt " /proc/self/mounts
}

# work NAME: whatever a file system may be asked for.
work()
{
	(
		set -e
		cd mnt
		cp /bin/bash b
		cmp b /bin/bash
		dd if=/dev/zero of=big bs=1M count=20 conv=fsync status=none
		for i in $(seq 8); do dd if=/dev/urandom of=w$i bs=64k count=20 conv=fsync status=none & done
		wait
		fallocate -p -o 4096 -l 8192 big
		fallocate -l 1M pre
		truncate -s 100 big
		mkdir d
		ln b d/l
		ln -s b s
		mkfifo p
		mv d e
		setfattr -n user.a -v b b
		getfattr -d b >/dev/null
		chattr +i b
		chattr -i b
		df . >/dev/null
		sync .
		[ "$(id -u)" != 0 ] || fstrim .
		rm -rf w* e s p pre
	) >work.log 2>&1
	ok $? "$1: all kinds of operations" || diag "$(cat work.log)"
}

pid=$(server_of a.img)
for field in "NoNewPrivs 1" "Seccomp 2" "CapInh 0000000000000000" "CapPrm 0000000000000000" \
	"CapEff 0000000000000000" "CapAmb 0000000000000000"; do
	set -- $field
	is "$(statuses "$pid" "$1")" "$2 " "every thread: $1"
done
[ "$(id -u)" != 0 ] || is "$(statuses "$pid" CapBnd)" "0000000000000000 " "every thread: CapBnd"
is "$(cat /proc/"$pid"/task/*/comm | sort -u | tr '\n' ' ')" \
	"ext4-worker fuse4fs fuse4fs-reclaim fuse4fs-worker jbd2-ckpt jbd2-commit " "threads have their names"
work sandbox
is "$(statuses "$pid" Seccomp)" "2 " "and the threads that came with it"
umount mnt 2>/dev/null || fusermount3 -u mnt
wait_free a.img
fsck_clean a.img "sandbox: clean"
log_has log0 "a.img: mounted on " "sandbox: the log file has its messages"
log_has log0 "a.img: unmounted" "sandbox: to the end"

mount_image a.img mnt
is "$(statuses "$(server_of a.img)" Seccomp)" "2 " "it is on by default"
echo stopped >mnt/stopped
kill "$(server_of a.img)"
wait_free a.img
is "$(mount_entry)" 0 "SIGTERM: unmounts"
fsck_clean a.img "SIGTERM: clean"
mount_image a.img mnt nosandbox,lockfile=lock
pid=$(server_of a.img)
is "$(statuses "$pid" Seccomp):$(statuses "$pid" NoNewPrivs)" "0 :0 " "nosandbox: nothing is given up"
is "$(cat mnt/stopped)" stopped "SIGTERM: what the kernel had not written yet is there"
kill "$pid"
wait_free a.img
is "$(mount_entry)" 0 "nosandbox: SIGTERM unmounts"

mount_image a.img mnt lockfile=lock
[ -s lock ]
ok $? "lockfile: there"
unmount mnt a.img 2>/dev/null || { fusermount3 -u mnt; wait_free a.img; }
for i in $(seq 50); do [ -e lock ] || break; sleep 0.1; done
[ ! -e lock ]
ok $? "lockfile: gone at the end"

# A server in the foreground, ended by the terminal's ^C, which goes to all processes.
setsid "$FUSE4FS" -f a.img mnt >front.log 2>&1 &
front=$!
for i in $(seq 100); do grep -q "mounted on" front.log && break; sleep 0.1; done
echo c >mnt/c
kill -INT -- "-$front"
wait $front
is $? 0 "foreground: ends on SIGINT"
is "$(mount_entry)" 0 "foreground: and has unmounted"
is "$(pgrep -fc "attends to $T/mnt")" 0 "nothing is left running"

mount_image a.img mnt logfile=log1
kill -9 "$(server_of a.img)"
wait_free a.img
log_has log1 "the server was killed.*; $T/mnt is dead: unmount it" "killed: that is logged"
umount -l mnt 2>/dev/null || fusermount3 -u -z mnt
mount_image a.img mnt debug,logfile=log1 2>replay.err
mkdir mnt/damaged && touch mnt/damaged/file
unmount mnt a.img 2>/dev/null || { fusermount3 -u mnt; wait_free a.img; }
like "$(cat replay.err)" "a.img: replayed" "killed: what the engine says of the next mount"
cp a.img bad.img
debugfs -w -R "zap_block -f /damaged -p 0x55 0" bad.img 2>/dev/null
mount_image bad.img mnt errors=continue,logfile=log1
ls -l mnt/damaged >/dev/null 2>&1
isnt $? 0 "a damaged folder"
log_has log1 "bad.img: .*inode" "and what the engine says of that"
unmount mnt bad.img 2>/dev/null || { fusermount3 -u mnt; wait_free bad.img; }
like "$(grep -c 'img: ' log0 log1 replay.err | tr '\n' ' ')" "log0:[2-9] .*log1:[6-9] .*err:[1-9]" "messages of all parts name the device"
is "$(grep -h 'img.*img' log0 log1 front.log replay.err)" "" "none names it twice"

# failing CALL OPTIONS: mount where the kernel refuses that call; sets tracer. 
failing()
{
	local i
	: >failing.err
	strace -f -q -o trace -e trace="$1" -e inject="$1:error=${3:-EPERM}" "$FUSE4FS" -o "$2" a.img mnt 2>failing.err &
	tracer=$!
	for i in $(seq 100); do
		[ "$(mount_entry)" = 1 ] || ! kill -0 $tracer 2>/dev/null && break
		sleep 0.1
	done
}

end_failing()
{
	umount mnt 2>/dev/null || fusermount3 -u mnt
	wait $tracer
	is $? 0 "$1: unmounts"
	fsck_clean a.img "$1: clean"
}

# The parts of the sandbox: without one of them there is no mount where all were asked for, and the log tells why otherwise.
partial()
{
	failing "$1" "sandbox,logfile=log2"
	wait $tracer
	isnt $? 0 "$1 fails: \`sandbox' refuses to mount"
	like "$(cat failing.err log2 2>/dev/null)" "option .sandbox. is not possible here: $2: " "$1 fails: and says why"
	is "$(mount_entry)" 0 "$1 fails: nothing is mounted"
	failing "$1" "logfile=log3.$1"
	is "$(mount_entry)" 1 "$1 fails: mounts without being asked for a sandbox"
	echo "$1" >mnt/partial
	log_has "log3.$1" "not in a sandbox: $2: " "$1 fails: and the log says so"
	end_failing "$1 fails"
}

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	partial capset "dropping capabilities"
	partial seccomp "system call filter"
	strace -f -o trace -e trace=landlock_restrict_self "$FUSE4FS" -o sandbox a.img mnt &
	tracer=$!
	for i in $(seq 100); do [ "$(mount_entry)" = 1 ] && break; sleep 0.1; done
	end_failing "traced"
	if grep -q landlock_restrict_self trace; then
		partial landlock_restrict_self "Landlock"
	else
		skip "this kernel has no Landlock" "landlock_restrict_self fails"
	fi
	# Each thread that takes its turn has a descriptor of its own for that, or does without.
	failing epoll_create1 nosandbox EMFILE
	is "$(mount_entry)" 1 "epoll_create1 fails: mounts"
	work "epoll_create1 fails"
	like "$(cat trace)" "epoll_create1.* EMFILE .*INJECTED" "epoll_create1 fails: indeed"
	rm -f mnt/b mnt/big
	end_failing "epoll_create1 fails"
else
	skip "strace cannot be used" "parts of the sandbox that fail"
fi

if [ "$(id -u)" = 0 ]; then
	mount_image a.img mnt sandbox,kernel
	work "kernel mode"
	unmount mnt a.img
	fsck_clean a.img "kernel mode: clean"

	# Multi-mount protection sees other machines past the page cache only, and needs its own way to the device.
	make_image mmp.img 16M -O mmp -E mmp_update_interval=1
	if attach "$T/mmp.img"; then
		mount_image "$LOOP" mnt sandbox
		ok $? "mmp: a block device"
		echo m >mnt/m
		umount mnt
		wait_free "$LOOP"
		fsck_clean mmp.img "mmp: clean"
		detach "$LOOP"
	fi
fi
done_testing
