#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package: it builds, has no errors for lintian, installs with apt under a real systemd,
# mounts through the service, and leaves nothing behind when it is purged.
. "$(dirname "$0")/../lib.sh"
need_root
need dpkg-buildpackage dh lintian mkfs.ext4
. "$TESTS/machine.sh"

mkdir "$T/build" "$T/build/fuse4fs"
tar -C "$TESTS/.." --exclude=./.git --exclude='./build*' --exclude='*.o' --exclude='*.a' --exclude='*.img' -c . |
	tar -C "$T/build/fuse4fs" -x
cd "$T/build/fuse4fs" || exit 2
# An in-tree build would be in the way of the package's own.
rm -f config.status MCONFIG Makefile
dpkg-buildpackage -us -uc -b >../log 2>&1
ok $? "the package builds" || { diag "$(tail -n 20 ../log)"; done_testing; }
is "$(lintian --fail-on error --tag-display-limit 0 ../*.changes 2>/dev/null | grep '^E:')" "" "lintian sees no errors"
cd / || exit 2

machine_start
ok $? "a machine with systemd starts" || done_testing
# Only the package's own files count.
make -s -C "$BUILD" --no-print-directory uninstall "DESTDIR=$M/root" >/dev/null 2>&1
rm -f "$M"/root/usr/sbin/{,u}mount.fuse.ext[234]
# Images for containers forbid packages to start anything.
rm -f "$M/root/usr/sbin/policy-rc.d"
enter systemctl daemon-reload
mkdir -p "$M/root/srv/t/mnt"
cp "$T"/build/fuse4fs_*.deb "$M/root/srv/t/fuse4fs.deb"

# What has appeared since the beginning.
everything()
{
	(cd "$M/root" && find etc usr lib/systemd var/lib/systemd -xdev -newer "$T/before" ! -type d \
		2>/dev/null | sort)
}

touch "$T/before"
for round in install upgrade; do
	out=$(enter env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --reinstall \
		/srv/t/fuse4fs.deb 2>&1)
	ok $? "$round" || diag "$out"
	is "$(enter systemctl is-enabled fuse4fs.socket):$(enter systemctl is-active fuse4fs.socket)" enabled:active \
		"$round: the socket is enabled, and listens"
done
make_image "$M/root/srv/t/a.img" 32M
enter mount -t fuse.ext4 /srv/t/a.img /srv/t/mnt
ok $? "mounts through the service"
is "$(enter systemctl list-units 'fuse4fs@*' --no-legend --plain --state=active | wc -l)" 1 "one instance"
enter umount /srv/t/mnt
fsck_clean "$M/root/srv/t/a.img" "clean"
enter sh -c 'PATH=/usr/libexec/fuse4fs:$PATH && fuse2fs /srv/t/a.img /srv/t/mnt && umount -t fuse.ext4 /srv/t/mnt'
ok $? "the name fuse2fs"
# What Debian's own machines run.
mkdir "$M/root/srv/autopkgtest"
cp "$TESTS/../debian/tests/service" "$M/root/srv/service"
out=$(enter env AUTOPKGTEST_TMP=/srv/autopkgtest /srv/service 2>&1)
ok $? "debian/tests/service" || diag "$out"
like "$(cat "$TESTS/../debian/tests/control")" "Tests: service" "and it is listed"
enter env DEBIAN_FRONTEND=noninteractive apt-get purge -y -q fuse4fs >/dev/null 2>&1
ok $? "purge"
is "$(enter ls /run/filesystems 2>/dev/null)" "" "purge: no socket is left"
is "$(everything | grep -i -e fuse4fs -e fuse.ext -e fuservicemount)" "" "purge: no file is left"
done_testing
