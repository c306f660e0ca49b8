#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Set-id bits after a change of a file, append-only inodes whose times are set, and the DAX flag: the same as under the
# kernel's ext4, for root and for users.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 chattr setpriv fallocate
have_kernel_ext4 || skip_all "needs loop devices and the kernel's ext4"

cd "$T" || exit 2
chmod 711 .
mkdir ours kernel
make_image ours.img 64M
make_image kernel.img 64M
mount_image ours.img ours kernel
mount -o loop kernel.img kernel || skip_all "the kernel does not mount it"

as()	# WHO COMMAND...: a user, or one of the file's group; root itself
{
	local who=$1
	shift
	case $who in
	root) "$@" ;;
	user) setpriv --reuid 1000 --regid 1000 --clear-groups "$@" ;;
	member) setpriv --reuid 1000 --regid 5000 --clear-groups "$@" ;;
	esac
}

# What each leaves of each mode, in a file of its own.  The files belong to user 1000 and group 5000.
changes()
{
	local who how mode f
	for who in root user member; do
		for how in append truncate otrunc fallocate punch; do
			for mode in 6777 6767 2666 4755 2755 6644; do
				f=$who-$how-$mode
				echo 0123456789 >$f
				chown 1000:5000 $f
				chmod $mode $f
				case $how in
				append) as $who sh -c "echo more >>$f" ;;
				truncate) as $who truncate -s 5 $f ;;
				otrunc) as $who sh -c ": >$f" ;;
				fallocate) as $who fallocate -l 20000 $f ;;
				punch) as $who fallocate -p -o 0 -l 4096 $f ;;
				esac
			done
		done
	done
	for who in root user; do
		for mode in 6777 2666 6644 2755; do
			f=$who-chown-$mode
			: >$f
			chown 1000:5000 $f
			chmod $mode $f
			as $who chown 1000:1000 $f 2>/dev/null
		done
	done
}
(cd kernel && chmod 777 . && changes && stat -c '%n %a' *-*) >by-kernel 2>&1
(cd ours && chmod 777 . && changes)
# What is stored, not what caches know.
unmount ours ours.img
mount_image ours.img ours kernel
(cd ours && stat -c '%n %a' *-*) >by-us 2>&1
out=$(diff by-kernel by-us)
ok $? "modes after changes are those of the kernel" || diag "$out"

appends()
{
	: >file
	mkdir dir
	chattr +a file dir
	for what in file dir; do
		touch -c $what 2>/dev/null; echo "$what now $?"
		touch -c -a $what 2>/dev/null; echo "$what atime now $?"
		touch -c -d @1000000000 $what 2>/dev/null; echo "$what then $?"
		touch -c -a -d @1000000000 $what 2>/dev/null; echo "$what atime then $?"
		chmod 700 $what 2>/dev/null; echo "$what chmod $?"
	done
	chattr +i file
	touch -c file 2>/dev/null; echo "immutable now $?"
	chattr -i file
	chattr -a file dir
}
(cd kernel && appends) >by-kernel
(cd ours && appends) >by-us
out=$(diff by-kernel by-us)
ok $? "what append-only allows is what the kernel allows" || diag "$out"

flags()
{
	"$PYTHON" - <<'END'
import fcntl, os, struct
GET, SET = 0x801c581f, 0x401c5820
def fsx(path, flags=None):
    fd = os.open(path, os.O_RDONLY)
    fa = bytearray(28)
    fcntl.ioctl(fd, GET, fa)
    if flags is not None:
        struct.pack_into("I", fa, 0, flags)
        fcntl.ioctl(fd, SET, fa)
        fcntl.ioctl(fd, GET, fa)
    os.close(fd)
    return hex(struct.unpack_from("I", fa)[0])
open("dax", "w").close()
os.mkdir("daxdir")
print(fsx("dax", 0x8000), fsx("daxdir", 0x8000))
open("daxdir/child", "w").close()
print(fsx("daxdir/child"), fsx("dax", 0))
END
	: >x
	chattr +x x; lsattr x; chattr -x x; lsattr x
}
(cd kernel && flags) >by-kernel 2>&1
(cd ours && flags) >by-us 2>&1
like "$(cat by-kernel)" 0x8000 "the kernel stores the DAX flag"
out=$(diff by-kernel by-us)
ok $? "and so do we" || diag "$out"

umount kernel
unmount ours ours.img
fsck_clean ours.img "clean"
done_testing
