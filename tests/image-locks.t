#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An image is locked as qemu locks its own: qemu does not open what is mounted, and what qemu has open is not
# mounted.  File systems without such locks do not mind.
. "$(dirname "$0")/lib.sh"
need_fuse
need mkfs.ext4 python3
cd "$T" || exit 2
mkdir mnt
make_image a.img 32M

# locks: what is on the bytes of the convention, as "BYTE ..." (used: 100 on, refused: 200 on).
cat >locks.py <<'X'
import fcntl, struct, sys
def flock(kind, start):
    return struct.pack("hhqqi4x", kind, 0, start, 1, 0)
fd = open(sys.argv[1], "rb")
if sys.argv[2] == "show":
    found = []
    for base in 100, 200:
        for bit in range(5):
            answer = fcntl.fcntl(fd, 36, flock(fcntl.F_WRLCK, base + bit))      # F_OFD_GETLK
            if struct.unpack("hhqqi4x", answer)[0] != fcntl.F_UNLCK:
                found.append(base + bit)
    print(*found)
else:
    for byte in sys.argv[3:]:
        fcntl.fcntl(fd, 37, flock(fcntl.F_RDLCK, int(byte)))                    # F_OFD_SETLK
    print("locked", flush=True)
    sys.stdin.read()
X
locks()
{
	"$PYTHON" locks.py "$1" show
}
is "$(locks a.img)" "" "nobody has it"
mount_image a.img mnt
is "$(locks a.img)" "100 101 201 203" "mounted: read and written; others shall not write or resize"
unmount mnt a.img
is "$(locks a.img)" "" "unmounted: the locks are gone"
mount_image a.img mnt ro
is "$(locks a.img)" "100 201 203" "mounted read-only: read; others shall not write or resize"
unmount mnt a.img

# held BYTES NAME WANTED [OPTIONS]: somebody has these locks, and we mount.
held()
{
	local bytes=$1 name=$2 wanted=$3 out status
	mkfifo hold
	# shellcheck disable=SC2086
	"$PYTHON" locks.py a.img hold $bytes <hold >locked &
	exec 9>hold
	until grep -q locked locked; do sleep 0.02; done
	out=$("$FUSE4FS" -o "${4:-rw}" a.img mnt 2>&1)
	status=$?
	[ $status = 0 ] && unmount mnt a.img
	is $status "$wanted" "$name" || diag "$out"
	[ "$wanted" = 0 ] || like "$out" "in use by .*virtual machine" "$name: and it is said"
	exec 9>&-
	wait
	rm hold
}
held "100 101 201 203" "a virtual machine has it" 32
held "100 101 201 203" "a virtual machine has it, and we would only read" 32 ro
held "100 201 203" "a virtual machine reads it" 32
held "100 201 203" "a virtual machine reads it, and so would we" 0 ro
held "100" "somebody who minds nothing" 0
held "150 199 204 300" "other bytes mean nothing" 0

if command -v qemu-img >/dev/null && command -v qemu-io >/dev/null; then
	mount_image a.img mnt
	qemu-io -f raw -c 'read 0 512' a.img >out 2>&1
	like "$(cat out)" "[Ff]ailed to get" "qemu does not open a mounted image"
	qemu-img info -U a.img >/dev/null 2>&1
	is $? 0 "unless it is told to"
	unmount mnt a.img
	qemu-io -f raw -c 'write 1M 512' a.img >out 2>&1
	is $? 0 "nor minds an image that was unmounted" || diag "$(cat out)"
	mkfifo commands
	qemu-io -f raw a.img <commands >out 2>&1 &
	exec 9>commands
	echo 'read 0 512' >&9
	until grep -q 'read 512' out; do sleep 0.05; done
	out=$("$FUSE4FS" a.img mnt 2>&1)
	is $? 32 "an image that qemu has open is not mounted"
	like "$out" "virtual machine" "and it is said"
	exec 9>&-
	wait
else
	skip "qemu-utils is not installed" "qemu"
fi

# Where there are no such locks mounting works as ever.
cat >nolocks.c <<'X'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
int fcntl64(int fd, int command, ...)
{
	int (*real)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (command == F_OFD_SETLK || command == F_OFD_GETLK) {
		errno = EINVAL;
		return -1;
	}
	return real(fd, command, arg);
}
X
if cc -shared -fPIC -o nolocks.so nolocks.c -ldl 2>/dev/null; then
	ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$T/nolocks.so "$FUSE4FS" a.img mnt
	is $? 0 "a file system without such locks"
	is "$(locks a.img)" "" "indeed without"
	unmount mnt a.img
else
	skip "no compiler" "a file system without such locks"
fi
fsck_clean a.img "clean"
done_testing
