# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced after lib.sh: this machine's own root in an overlay, booted under its own systemd in
# new namespaces.  Nothing of the machine itself changes.

M=$T/machine		# a tmpfs; the root that is booted is $M/root
MACHINE_PID=

# Write the script that becomes the machine's first process.
write_init()
{
	cat >"$M/init" <<X
set -e
mount --make-rprivate /
cd $M/root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
for n in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "fuse 10 229" \
	"loop-control 10 237"; do
	set -- \$n
	mknod -m 666 dev/\$1 c \$2 \$3
done
for i in {0..63}; do mknod -m 660 dev/loop\$i b 7 \$i; done
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 sys/fs/cgroup
hostname fuse4fs-test
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd systemd.unit=basic.target
X
}

machine_cgroup()
{
	local root
	for root in /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ -e $root/cgroup.procs ] && [ "$(stat -fc %T $root)" = cgroup2fs ] || continue
		MACHINE_CGROUP=$root/fuse4fs-test.$$
		mkdir "$MACHINE_CGROUP" 2>/dev/null && return
	done
	return 1
}

# machine_install: what `make install' installs.
machine_install()
{
	local i
	make -s -C "$BUILD" --no-print-directory install "DESTDIR=$M/root" >"$T/install.log" 2>&1 || {
		diag "$(tail -n 5 "$T/install.log")"
		return 1
	}
	# mount(8) looks for its helpers in /sbin only.
	for i in mount.fuse.ext{2,3,4} umount.fuse.ext{2,3,4}; do
		[ -e "$M/root/usr/sbin/$i" ] || ln -s "/usr/local/sbin/$i" "$M/root/usr/sbin/$i"
	done
	enter systemctl daemon-reload && enter systemctl start fuse4fs.socket
}

# machine_start: skips the test where this is not possible.
machine_start()
{
	local i pid
	[ -x /lib/systemd/systemd ] || skip_all "systemd is not installed"
	need unshare nsenter systemctl mknod
	mkdir "$M" && mount -t tmpfs -o mode=755 tmpfs "$M" || skip_all "no tmpfs"
	mkdir "$M/up" "$M/work" "$M/root"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$M/up,workdir=$M/work" "$M/root" ||
		skip_all "no overlay file system"
	machine_cgroup || skip_all "no control group can be made"
	write_init
	(
		echo $BASHPID >"$MACHINE_CGROUP/cgroup.procs"
		exec setsid unshare --fork --kill-child --pid --mount --uts --ipc --cgroup \
			bash "$M/init" </dev/null >"$T/boot.log" 2>&1
	) &
	UNSHARE_PID=$!
	for i in $(seq 200); do
		pid=$(pgrep -P $UNSHARE_PID | head -n 1)
		[ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = systemd ] && break
		sleep 0.05
	done
	MACHINE_PID=$pid
	for i in $(seq 300); do
		case $(enter systemctl is-system-running 2>/dev/null) in
		running | degraded) return 0 ;;
		esac
		sleep 0.1
	done
	diag "$(tail -n 20 "$T/boot.log")"
	return 1
}

# enter COMMAND...: in the machine, as its root.
enter()
{
	nsenter -t "$MACHINE_PID" -m -u -i -p -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		SYSTEMD_COLORS=0 SYSTEMD_PAGER= LC_ALL=C "$@"
}

machine_stop()
{
	local i
	if [ -n "$MACHINE_PID" ]; then
		kill -RTMIN+4 "$MACHINE_PID" 2>/dev/null
		for i in $(seq 100); do
			kill -0 "$MACHINE_PID" 2>/dev/null || break
			sleep 0.1
		done
		kill -9 "$MACHINE_PID" 2>/dev/null
		wait "$UNSHARE_PID" 2>/dev/null
	fi
	MACHINE_PID=
	sleep 0.2
	[ -z "${MACHINE_CGROUP:-}" ] ||
		find "$MACHINE_CGROUP" -depth -type d -exec rmdir {} \; 2>/dev/null
}
trap 'machine_stop; cleanup' EXIT
