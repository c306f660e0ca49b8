# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced after lib.sh by tests of the mount service without a service manager, at their start: the test runs again
# in a mount namespace of its own, where /dev/fuse is for everybody and /run is empty.

need_root
need mkfs.ext4 setpriv unshare
own_namespace
mknod -m 666 "$T/fuse" c 10 229 2>/dev/null || skip_all "device nodes cannot be made"
mount --bind "$T/fuse" /dev/fuse || skip_all "/dev/fuse cannot be replaced"
mount -t tmpfs -o mode=755 tmpfs /run || skip_all "/run cannot be replaced"
chmod 755 "$T"
SOCKETS=$(sed -n 's/^#define FUSE_SERVICE_SOCKET_DIR "\(.*\)"/\1/p' "$BUILD/lib/config.h")
case $SOCKETS in
/run/*) mkdir -p "$SOCKETS" ;;
*) skip_all "mount services are not below /run here" ;;
esac
# Another user's programs must be found.
mkdir "$T/bin"
cp -L "$FUSE4FS" "$T/bin/fuse4fs"
install -m 4755 "${FUSERVICEMOUNT:-$BUILD/misc/fuservicemount}" "$T/bin/fuservicemount"
HELPER=$T/bin/fuservicemount
ACTIVATORS=

# listen TYPE [ARGUMENT...] -- COMMAND...: what COMMAND says is in server.log.
listen()
{
	local type=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	: >"$T/ready"
	"$PROGS/activator" "${options[@]}" "$SOCKETS/$type" "$@" >"$T/ready" 2>>"$T/server.log" &
	ACTIVATORS="$ACTIVATORS $!"
	for _ in $(seq 100); do
		grep -q ready "$T/ready" && return
		sleep 0.02
	done
}

stop_listening()
{
	# shellcheck disable=SC2086
	[ -z "$ACTIVATORS" ] || kill $ACTIVATORS 2>/dev/null
	wait 2>/dev/null
	ACTIVATORS=
}
trap 'stop_listening; cleanup' EXIT

# entry MOUNTPOINT: its line in the list of mounts.
entry()
{
	grep " $T/$1 " /proc/self/mounts
}
