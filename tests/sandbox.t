#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a server that runs without a service's unit gives up by itself, that everything works
# without it, and what is seen when it tries nevertheless.
. "$(dirname "$0")/lib.sh"
need mkfs.ext4 e2fsck
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
log_has log1 "the server was killed; $T/mnt is dead: unmount it" "killed: that is logged"
umount -l mnt 2>/dev/null || fusermount3 -u -z mnt

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
