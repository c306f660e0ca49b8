# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced after lib.sh and machine.sh: the Debian package, built from a copy of this source, and what apt
# does with it in the machine.

have_packaging()
{
	local c
	for c in dpkg-buildpackage dh lintian apt-get; do
		command -v $c >/dev/null || return 1
	done
	dpkg-query -W -f '${db:Status-Status}' apt 2>/dev/null | grep -qx installed
}

# package_build: sets DEB.  Test points.
package_build()
{
	local log=$T/package.log
	mkdir -p "$T/package/fuse4fs"
	tar -C "$TESTS/.." --exclude=./.git --exclude='./build*' --exclude='*.o' --exclude='*.a' --exclude='*.img' -c . |
		tar -C "$T/package/fuse4fs" -x
	# An in-tree build would be in the way of the package's own.
	rm -f "$T"/package/fuse4fs/{config.status,MCONFIG,Makefile}
	(cd "$T/package/fuse4fs" &&
		DEB_BUILD_OPTIONS="nocheck noddebs parallel=$(nproc)" dpkg-buildpackage -us -uc -b) >"$log" 2>&1
	ok $? "the package builds" || { diag "$(tail -n 20 "$log")"; return 1; }
	lintian --fail-on error --tag-display-limit 0 "$T"/package/*.changes >"$log" 2>&1
	ok $? "lintian sees no errors" || diag "$(grep -v '^[WI]:' "$log")"
	DEB=$(ls "$T"/package/fuse4fs_*.deb)
	rm -rf "$T/package/fuse4fs"
}

# What the tests are not about: manuals that nobody looks up, and a machine whose image forbids to start anything.
package_prepare()
{
	rm -f "$M/root/var/lib/man-db/auto-update" "$M/root/usr/sbin/policy-rc.d"
	mkdir -p "$M/root/srv/package"
	cp "$DEB" "$M/root/srv/package/fuse4fs.deb"
}

in_apt()
{
	enter env DEBIAN_FRONTEND=noninteractive apt-get "$1" -y -q --no-install-recommends "${@:2}" 2>&1
}

# package_install: and once more, as an upgrade.  Test points.
package_install()
{
	local round out
	for round in install upgrade; do
		out=$(in_apt install --reinstall /srv/package/fuse4fs.deb)
		ok $? "apt: $round" || { diag "$out"; return 1; }
		is "$(enter systemctl is-enabled fuse4fs.socket):$(enter systemctl is-active fuse4fs.socket)" enabled:active \
			"apt: $round: the socket is enabled, and listens"
	done
}

# package_autopkgtest: what Debian's own machines run.  Test points.
package_autopkgtest()
{
	local out
	mkdir "$M/root/srv/autopkgtest"
	cp "$TESTS/../debian/tests/service" "$M/root/srv/service"
	out=$(enter env AUTOPKGTEST_TMP=/srv/autopkgtest /srv/service 2>&1)
	ok $? "debian/tests/service" || diag "$out"
	like "$(cat "$TESTS/../debian/tests/control")" "Tests: service" "and it is listed"
}

# package_purge: it leaves nothing behind.  Test points.
package_purge()
{
	local out
	out=$(in_apt purge fuse4fs)
	ok $? "apt: purge" || diag "$out"
	is "$(enter ls /run/filesystems 2>/dev/null)" "" "purge: no socket is left"
	# All that differs from this machine; character devices are what was deleted.
	is "$(cd "$M/up" && find etc usr var -xdev ! -type d ! -type c 2>/dev/null |
		grep -i -e fuse4fs -e fuse.ext -e fuservicemount | grep -v -e '^var/log/' -e '^var/cache/')" "" \
		"purge: no file is left"
	is "$(enter systemctl list-units --all --no-legend --plain 'fuse4fs*' | grep -v not-found)" "" "purge: nor a unit"
}
