# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by quickstart and check: which Debian packages are needed for what,
# and how the missing ones get installed.

BUILD_PACKAGES="gcc make autoconf pkg-config libfuse3-dev comerr-dev libblkid-dev uuid-dev libbsd-dev libseccomp-dev"
RUN_PACKAGES="fuse3 e2fsprogs util-linux"
TEST_PACKAGES="libcmocka-dev perl attr acl python3 sqlite3 procps strace nbdkit libnbd-bin systemd clang libclang-rt-dev
	dpkg-dev debhelper lintian qemu-system-x86 qemu-utils fdisk cpio dmsetup"

# The packages of "$@" that are not installed.
missing_packages()
{
	local p
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			[ "$(dpkg-query -W -f '${db:Status-Status}' "$p:$(dpkg --print-architecture)" 2>/dev/null)" = installed ] ||
			echo "$p"
	done
}

# Install what is missing of "$@"; as an ordinary user only say what to type.
install_packages()
{
	local missing
	if ! command -v dpkg-query >/dev/null; then
		echo "$0: not a Debian system: please see to it that these are there: $*" >&2
		return 0
	fi
	missing=$(missing_packages "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "$0: packages are missing; as root, type: apt-get install $missing" >&2
		return 1
	fi
	echo "installing: $missing"
	# The lists may be fresh enough; fetch them only if the installation fails.
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing \
		>/tmp/apt.$$ 2>&1 </dev/null ||
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends $missing; } >/tmp/apt.$$ 2>&1 </dev/null || {
		tail -n 20 /tmp/apt.$$ >&2
		rm -f /tmp/apt.$$
		echo "$0: cannot install: $missing" >&2
		return 1
	}
	rm -f /tmp/apt.$$
}

# Build the source tree "$1" in the folder "$2"; the rest goes to configure.
build_tree()
{
	local src=$1 build=$2
	shift 2
	if [ ! -x "$src/configure" ] || [ "$src/configure.ac" -nt "$src/configure" ]; then
		"$src/autogen.sh" || return 1
	fi
	mkdir -p "$build" || return 1
	if [ ! -e "$build/config.status" ] || [ "$src/configure" -nt "$build/config.status" ]; then
		(cd "$build" && "$src/configure" -q "$@") || return 1
	fi
	make -C "$build" --no-print-directory -s -j"$(nproc)"
}
