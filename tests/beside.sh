# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced after lib.sh by tests that have the kernel's ext4 say what is right: two images of 64 MiB, ours mounted on
# `ours', the other by the kernel on `kernel', and the test is in $T.

need_root
need_fuse
need mkfs.ext4 e2fsck setpriv chattr
have_kernel_ext4 || skip_all "no loop devices, or no ext4 in the kernel"

cd "$T" || exit 2
chmod 755 "$T"
mkdir ours kernel
make_image ours.img 64M
make_image kernel.img 64M
mount_image ours.img ours kernel
mount -o loop kernel.img kernel || skip_all "the kernel does not mount it"
USER="setpriv --reuid 1000 --regid 1000 --clear-groups"
export PYTHON USER

cat >changed.py <<'END'
# changed.py FILE COMMAND...: which times moved while COMMAND ran
import os, subprocess, sys, time
def times(): s = os.stat(sys.argv[1], follow_symlinks=False); return s.st_mtime_ns, s.st_ctime_ns, s.st_atime_ns
before = times()
time.sleep(0.02)
subprocess.call(sys.argv[2:])
time.sleep(0.1)
after = times()
print(*[n for n, a, b in zip(("mtime", "ctime", "atime"), before, after) if a != b] or ["none"])
END
CHANGED="$PYTHON $T/changed.py"

# compare NAME SCRIPT: run in both; what it prints must be the same.
compare()
{
	local dir
	for dir in ours kernel; do
		mkdir -p $dir/x && chmod 777 $dir/x
		(cd $dir/x && eval "$2") >$dir.out 2>&1
		chattr -ia $dir/x/* 2>/dev/null
		rm -rf $dir/x
	done
	is "$(cat ours.out)" "$(cat kernel.out)" "$1"
}
