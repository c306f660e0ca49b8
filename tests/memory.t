#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The limit of the control group is heeded before it is reached, also one that comes later: the server takes no more for files
# that it was asked for, nor for much data.  The group's files are stand-ins, which nobody enforces (vm.t has a real limit).
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 unshare fusermount3
grep -qE '__(asan|tsan)_init' "$FUSE4FS" && skip_all "a sanitizer's memory hides it"

if [ -z "${IN_NAMESPACE:-}" ]; then
	trap - EXIT
	rm -rf "$T"
	IN_NAMESPACE=1 exec unshare -m --propagation private "$0"
fi
cd "$T" || exit 2

# The folder of our own group, whose place a folder of ours takes: FOLDER VERSION.
own_group()
{
	local path
	path=$(sed -n 's/^[0-9]*:\([^:]*,\)*memory\(,[^:]*\)*://p' /proc/self/cgroup)
	if [ -n "$path" ]; then
		echo "$(awk '/ - cgroup / && $NF ~ /(^|,)memory(,|$)/ { print $5; exit }' /proc/self/mountinfo)${path%/} 1"
	else
		echo "$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)$(sed -n 's/^0:://p' /proc/self/cgroup | sed 's#/$##') 2"
	fi
}
read -r folder version <<<"$(own_group)"
[ -d "$folder" ] || skip_all "no control groups"
mkdir group kernel mnt
limit()
{
	if [ "$version" = 1 ]; then echo "$1" >group/memory.limit_in_bytes; else echo "$1" >group/memory.max; fi
}
limit 9223372036854771712
mount --bind group "$folder" || skip_all "no stand-in for the control group"
pressure=
if [ -w /proc/pressure/memory ]; then
	"$PROGS/pressure" kernel >triggers 2>kernel.log &
	pressure=$!
	for i in $(seq 100); do [ -e kernel/memory ] && break; sleep 0.05; done
	mount --bind kernel/memory /proc/pressure/memory || skip_all "no stand-in for the kernel's file"
fi

# 40,000 files; their inodes are 160 MiB.
make_image a.img 1200M -I 4096 -N 42000
mount_image a.img mnt
"$PYTHON" -c 'import os
for d in range(40):
	os.mkdir("mnt/%d" % d)
	for f in range(1000): os.close(os.open("mnt/%d/%d" % (d, f), os.O_CREAT | os.O_WRONLY))'
unmount mnt a.img

start()
{
	rm -f log
	mount_image a.img mnt "debug,logfile=$T/log,$1" 2>>mount.log
	pid=$(server_of a.img)
}

# most KIB NAME: the server never had more memory of its own than that.
most()
{
	local peak
	peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
	[ "$peak" -le "$1" ]
	ok $? "$2" || diag "it had $peak KiB; $(grep 'memory: ' log | tail -n 1)"
}

# looks NAME: at all files.
looks()
{
	is "$(find mnt -type f -size -1 | wc -l)" 40000 "$1: all files are looked at"
}

limit $((64 << 20))
start rw
looks "64 MiB"
most 65536 "64 MiB: it keeps to the limit"
unmount mnt a.img
limit $((32 << 20))
start rw
looks "32 MiB"
most 32768 "32 MiB: it keeps to the limit"
dd if=/dev/urandom of=data bs=1M count=64 status=none
for i in 1 2 3 4 5; do cp data mnt/data$i & done
wait $(jobs -p | grep -vx "${pressure:-0}")
ok $? "32 MiB: 320 MiB are written, at five places at once"
sync -f mnt
echo 1 >/proc/sys/vm/drop_caches
for i in 1 2 3 4 5; do cmp data mnt/data$i & done
wait $(jobs -p | grep -vx "${pressure:-0}")
ok $? "32 MiB: and read"
mkdir mnt/many && (cd mnt/many && seq 1 1500 | xargs touch) && rm -r mnt/many
ok $? "32 MiB: files come and go"
most 32768 "32 MiB: it still keeps to the limit"
unmount mnt a.img

# A limit that comes later.
limit 9223372036854771712
start rw
looks "no limit"
free=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
[ "$free" -gt 131072 ]
ok $? "no limit: then it keeps what it has read" || diag "$free KiB"
if [ -n "$pressure" ]; then
	limit $((64 << 20))
	kill -USR1 $pressure
	for i in $(seq 100); do
		grep -q "gave back" log && break
		sleep 0.1
	done
	kill -USR1 $pressure
	sleep 1
	looks "a limit that comes later"
	now=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
	[ "$now" -le 65536 ]
	ok $? "a limit that comes later: it is heeded" || diag "$free KiB before, $now now; $(tail -n 4 log)"
else
	skip "this kernel does not tell of memory pressure" "a limit that comes later"
fi
unmount mnt a.img

# What the user says about buffers counts more.
limit $((64 << 20))
start cache_size=200m
looks "cache_size=200m"
now=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
[ "$now" -gt 131072 ]
ok $? "cache_size= is heeded whatever the limit" || diag "$now KiB"
unmount mnt a.img
fsck_clean a.img "clean"
[ -z "$pressure" ] || { umount /proc/pressure/memory; umount kernel; wait "$pressure"; }
umount "$folder"
done_testing
