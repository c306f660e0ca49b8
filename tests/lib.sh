# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by shell tests: TAP output, images, mounts, and cleaning up after all
# of it.  A test works in $T, which is its own and goes away at the end.

set -u
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
TESTS=${FUSE4FS_TESTS:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
BUILD=${FUSE4FS_BUILD:-$TESTS/..}
FUSE4FS=${FUSE4FS:-$BUILD/fuse4fs/fuse4fs}
PROGS=$BUILD/tests/progs
# Not one of a user's own, which other users may not run.
PYTHON=$(PATH=/usr/bin:/bin command -v python3 || command -v python3)
[ -x "$FUSE4FS" ] || { echo "Bail out! $FUSE4FS is not there"; exit 2; }
# IN_MEMORY=yes: it writes much, and no disk need be waited for.
[ "${IN_MEMORY:-no}" = yes ] && [ -w /dev/shm ] && export TMPDIR=/dev/shm
T=$(mktemp -d "${TMPDIR:-/tmp}/fuse4fs-test.XXXXXX") || exit 2
LOOPS=
# libfuse cannot be told to forget a mount that was detached while in use.
export LSAN_OPTIONS=suppressions=$TESTS/lsan.supp:print_suppressions=0
test_count=0
test_failures=0

cleanup()
{
	local m l
	cd /
	for m in $(awk -v t="$T/" 'index($2, t) == 1 { print $2 }' /proc/self/mounts | sort -r); do
		umount "$m" 2>/dev/null || fusermount3 -u -z "$m" 2>/dev/null || umount -l "$m"
	done
	for l in $LOOPS; do
		losetup -d "$l" 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# ok STATUS NAME: a test point that passes when STATUS is 0.
ok()
{
	test_count=$((test_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $test_count - $2"
	else
		echo "not ok $test_count - $2"
		test_failures=$((test_failures + 1))
	fi
	return "$1"
}

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# is GOT WANTED NAME
is()
{
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		diag "got:    $1"
		diag "wanted: $2"
		return 1
	fi
}

isnt()
{
	if [ "$1" != "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		diag "got what was not wanted: $1"
		return 1
	fi
}

# like TEXT REGEX NAME
like()
{
	if [[ $1 =~ $2 ]]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		diag "got:              $1"
		diag "does not match:   $2"
		return 1
	fi
}

# skip REASON NAME: one test point that cannot run here.
skip()
{
	test_count=$((test_count + 1))
	echo "ok $test_count - $2 # SKIP $1"
}

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing()
{
	echo "1..$test_count"
	[ "$test_failures" -eq 0 ]
	exit
}

need_root()
{
	[ "$(id -u)" = 0 ] || skip_all "needs root"
}

need_fuse()
{
	[ -r /dev/fuse ] && [ -w /dev/fuse ] || skip_all "/dev/fuse cannot be used"
}

need()
{
	local c
	for c in "$@"; do
		command -v "$c" >/dev/null || skip_all "$c is not installed"
	done
}

# own_namespace: start the test once more, in a mount namespace of its own.  What it has inherited of other
# tests, which may run at the same time, goes away there: their servers end only when no namespace has their
# mounts any more, and their loop devices likewise.
own_namespace()
{
	local m
	if [ -z "${IN_NAMESPACE:-}" ]; then
		trap - EXIT
		rm -rf "$T"
		IN_NAMESPACE=1 exec unshare -m --propagation private bash "$0"
	fi
	awk -v t="$T/" '$2 ~ /\/fuse4fs-test\.[^\/]*\// && index($2, t) != 1 { print $2 }' /proc/self/mounts | sort -r |
		while IFS= read -r m; do
			# The name is as mounts are listed; nobody is asked about it who may not answer.
			umount -l -c -i "$(printf %b "${m//\\/\\0}")" 2>/dev/null
		done
}

# Can this machine attach loop devices and mount them with the kernel's ext4?
have_kernel_ext4()
{
	[ "$(id -u)" = 0 ] && [ -w /dev/loop-control ] && grep -qw ext4 /proc/filesystems &&
		losetup -f >/dev/null 2>&1
}

# make_image FILE SIZE [MKFS-ARGUMENT...]
make_image()
{
	local file=$1 size=$2
	shift 2
	rm -f "$file"
	truncate -s "$size" "$file" && mkfs.ext4 -q -F "$@" "$file"
}

# attach FILE [LOSETUP-ARGUMENT...]: sets LOOP.
attach()
{
	LOOP=$(losetup -f --show "${@:2}" "$1") || return
	LOOPS="$LOOPS $LOOP"
}

detach()
{
	losetup -d "$1"
	LOOPS=${LOOPS/ $1/}
}

# mount_image IMAGE MOUNTPOINT [OPTIONS]
mount_image()
{
	mkdir -p "$2"
	"$FUSE4FS" ${3:+-o "$3"} "$1" "$2"
}

# The process that serves IMAGE.  Nobody else's descriptors are looked at: they may lie on a mount that hangs.
server_of()
{
	local dir comm fd
	for dir in /proc/[0-9]*; do
		read -r comm <"$dir/comm" && [ "$comm" = fuse4fs ] || continue
		for fd in "$dir"/fd/*; do
			[ "$fd" -ef "$1" ] || continue
			echo "${dir#/proc/}"
			return 0
		done
	done 2>/dev/null
	return 1
}

# unmount MOUNTPOINT IMAGE: and wait until the server has let go of the image.
unmount()
{
	umount "$1" || return
	wait_free "$2"
}

# Wait until nobody holds IMAGE any more.
wait_free()
{
	local i
	for i in $(seq 600); do
		server_of "$1" >/dev/null || return 0
		sleep 0.1
	done
	diag "the server of $1 did not end"
	return 1
}

# kill_server IMAGE MOUNTPOINT: as a crash does.
kill_server()
{
	local pid
	pid=$(server_of "$1") || return
	kill -9 "$pid"
	# Forced: a thread that waits for the kernel to write back would keep the dead mount going.
	umount -f "$2" 2>/dev/null || umount -l "$2"
	wait_free "$1"
}

# fsck_clean IMAGE NAME: a test point.
fsck_clean()
{
	local out
	out=$(e2fsck -fn "$1" 2>&1)
	if [ $? -eq 0 ]; then
		ok 0 "$2"
	else
		ok 1 "$2"
		diag "$out"
		return 1
	fi
}

sum_of()
{
	sha256sum <"$1" | cut -d' ' -f1
}
