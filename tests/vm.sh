# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced after lib.sh: a virtual machine (emulated, so slow) with Debian's kernel, whose root is made of this
# machine's installed packages and of what `make install' installs.

VM_PACKAGES="systemd systemd-sysv e2fsprogs mount bash coreutils util-linux procps grep sed mawk findutils
	diffutils dmsetup login libc-bin base-files base-passwd dash libseccomp2 libbsd0 libfuse3-3 libblkid1 libuuid1 libcom-err2"
VM_MODULES="drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_legacy_dev
	drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci drivers/block/virtio_blk fs/fuse/fuse
	drivers/char/ttyprintk drivers/md/dm-mod drivers/md/dm-flakey"
# Unpacked once for a build folder; the download is 27 MB.
VM_KERNEL=$BUILD/tests/vm-kernel

# Fetch and unpack the kernel's package below $1.
vm_fetch()
{
	local name
	name=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image-/ { print $2 }')
	mkdir -p "$T/deb" && rm -f "$T"/deb/*.deb
	[ -n "$name" ] && (cd "$T/deb" && timeout 120 apt-get download -q "$name") >"$T/download.log" 2>&1 &&
		dpkg -x "$T"/deb/linux-image-*.deb "$1"
}

# The lists of what there is may be missing, or older than what the mirror still has.
vm_kernel()
{
	local new=$VM_KERNEL.$$
	KERNEL_VERSION=$(ls "$VM_KERNEL/lib/modules" 2>/dev/null)
	[ -z "$KERNEL_VERSION" ] || return 0
	vm_fetch "$new" || { timeout 120 apt-get update -q >"$T/update.log" 2>&1; vm_fetch "$new"; } || {
		rm -rf "$new"
		return 1
	}
	rm -rf "$VM_KERNEL" "$T/deb"
	mv "$new" "$VM_KERNEL" && KERNEL_VERSION=$(ls "$VM_KERNEL/lib/modules")
}

vm_initrd()
{
	local m
	mkdir -p "$T/initrd/modules"
	"${CC:-cc}" -Os -static -o "$T/initrd/init" "$TESTS/vm/init.c" || return
	for m in $VM_MODULES; do
		cp "$VM_KERNEL/lib/modules/$KERNEL_VERSION/kernel/$m.ko" "$T/initrd/modules/" || return
		basename "$m.ko" >>"$T/initrd/modules/list"
	done
	(cd "$T/initrd" && find . | cpio -o -H newc --quiet) >"$T/initrd.img"
}

# What the packages have installed, without what nobody reads there.
vm_files()
{
	local packages
	packages=$(apt-cache depends --recurse --installed --important $VM_PACKAGES | grep -E '^[a-z0-9]' | sort -u)
	packages=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' $packages 2>/dev/null |
		awk '$1 == "installed" { print $2 }')
	dpkg -L $packages | sort -u | sed 's#^/##' |
		grep -vE '^$|^usr/share/(doc|man|locale|info|lintian|bug|zoneinfo|perl)(/|$)|^\.$|^package diverts|^(diverted|locally)' |
		(cd / && while IFS= read -r f; do [ -e "$f" ] || [ -L "$f" ] && echo "$f"; done)
}

# vm_root DIRECTORY
vm_root()
{
	local root=$1 d
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64,lib32,libx32} \
		"$root"/{dev,proc,sys,run,tmp,root,mnt,mnt2,var/tmp,var/lib,var/log,home,srv,opt,etc}
	for d in bin sbin lib lib64 lib32 libx32; do
		ln -s "usr/$d" "$root/$d"
	done
	chmod 1777 "$root/tmp" "$root/var/tmp"
	vm_files >"$T/files"
	tar -C / -c --no-recursion -T "$T/files" | tar -C "$root" -x --keep-directory-symlink || return
	cp -a /etc/{passwd,group,shadow,gshadow,nsswitch.conf,ld.so.conf,ld.so.conf.d,alternatives,pam.d,login.defs} \
		"$root/etc/" 2>/dev/null
	cp -a /usr/bin/{sh,awk} "$root/usr/bin/" 2>/dev/null
	: >"$root/etc/fstab"
	: >"$root/etc/machine-id"
	make -s -C "$BUILD" --no-print-directory install "DESTDIR=$root" >"$T/install.log" 2>&1 || return
	# mount(8) looks for its helpers in /sbin only.
	for d in mount.fuse.ext{2,3,4} umount.fuse.ext{2,3,4}; do
		[ -e "$root/usr/sbin/$d" ] || ln -s "/usr/local/sbin/$d" "$root/usr/sbin/$d"
	done
	cp "$TESTS/vm/guest.sh" "$root/srv/guest.sh"
	cat >"$root/etc/systemd/system/guest.service" <<-X
		[Unit]
		After=basic.target
		[Service]
		Type=oneshot
		ExecStart=/bin/bash /srv/guest.sh
		ExecStopPost=/bin/systemctl --no-block poweroff -f
		StandardOutput=file:/dev/ttyS1
		StandardError=file:/dev/ttyS1
		TimeoutStartSec=infinity
	X
	printf '[Unit]\nRequires=basic.target guest.service\nAfter=basic.target\nAllowIsolate=yes\n' \
		>"$root/etc/systemd/system/guest.target"
}

# vm_run SECONDS DISK...: what guest.sh writes is in $T/guest.log.  Fails when it takes longer.
vm_run()
{
	local limit=$1 drives=() disk i
	shift
	for disk in "$@"; do
		drives+=(-drive "file=$disk,format=raw,if=virtio,cache=unsafe")
	done
	: >"$T/guest.log"
	qemu-system-x86_64 -accel tcg,thread=multi -M q35 -smp 2 -m 1024 -no-reboot -nodefaults \
		-display none -serial "file:$T/console.log" -serial "file:$T/guest.log" "${drives[@]}" \
		-kernel "$VM_KERNEL/boot/vmlinuz-$KERNEL_VERSION" -initrd "$T/initrd.img" \
		-append "console=ttyS0 panic=-1 quiet mitigations=off systemd.unit=guest.target" \
		</dev/null >"$T/qemu.log" 2>&1 &
	QEMU_PID=$!
	# Seconds that this test had, not those that it may have been stopped or asleep.
	for ((i = 0; i < limit; i++)); do
		kill -0 $QEMU_PID 2>/dev/null || break
		sleep 1
	done
	[ $i -lt "$limit" ] || kill -9 $QEMU_PID
	wait $QEMU_PID
	i=$?
	QEMU_PID=
	return $i
}
QEMU_PID=
trap '[ -z "$QEMU_PID" ] || kill -9 $QEMU_PID; cleanup' EXIT
