#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever mount option the kernel's ext4 or mount(8) takes, is taken, so that no line of fstab and no program has
# to be changed; and `nosymfollow' does what it says.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need mkfs.ext4 e2fsck setpriv unshare
have_kernel_ext4 || skip_all "the kernel's ext4 cannot be used"
cd "$T" || exit 2
mkdir mnt kernel
make_image a.img 16M
make_image k.img 16M
attach "$T/k.img" || skip_all "no loop device"

# Words of ext4's and of mount(8)'s; what one kernel does not know is not asked of us.
words="ro noload ro,norecovery bsddf minixdf grpid bsdgroups nogrpid sysvgroups resgid=5 resuid=5
errors=continue errors=remount-ro errors=panic nouid32 debug oldalloc orlov user_xattr nouser_xattr acl noacl bh nobh
commit=7 commit=0 min_batch_time=5 max_batch_time=5 journal_checksum nojournal_checksum journal_async_commit
abort data=ordered data=journal data=writeback data_err=abort data_err=ignore usrjquota= grpjquota= jqfmt=vfsv0
usrjquota=aquota.user,jqfmt=vfsv1 grpjquota=aquota.group,jqfmt=vfsold quota noquota usrquota grpquota prjquota
barrier barrier=0 barrier=1 barrier=2 nobarrier i_version iversion noiversion dax=inode dax=never stripe=16 delalloc nodelalloc
warn_on_error nowarn_on_error debug_want_extra_isize=32 mblk_io_submit nomblk_io_submit block_validity
noblock_validity inode_readahead_blks=16 journal_ioprio=3 auto_da_alloc auto_da_alloc=0 noauto_da_alloc dioread_nolock
nodioread_nolock dioread_lock discard nodiscard init_itable init_itable=5 noinit_itable max_dir_size_kb=100 inlinecrypt nombcache
no_mbcache prefetch_block_bitmaps no_prefetch_block_bitmaps mb_optimize_scan=0 mb_optimize_scan=1 check=none nocheck
reservation noreservation fc_debug_force fc_debug_max_replay=5 lazytime nolazytime relatime norelatime strictatime
noatime nodiratime symfollow nosymfollow mand nomand silent loud sync async dirsync suid nosuid dev nodev exec
noexec defaults auto noauto user user=somebody nouser users group owner _netdev nofail comment=x x-gvfs-show X-mount.mkdir
uhelper=udisks2 helper=ext4 rw,nosuid,nodev,relatime,errors=remount-ro,uhelper=udisks2"

taken=0 refused=
for word in $words; do
	mount -t ext4 -o "$word" "$LOOP" kernel 2>/dev/null || continue
	umount kernel
	taken=$((taken + 1))
	mount_image a.img mnt "$word" 2>err || { refused="$refused $word"; diag "$(cat err)"; continue; }
	unmount mnt a.img
done
is "$refused" "" "all that the kernel's ext4 takes is taken"
is "$((taken > 100))" 1 "which are many"
for word in dax dax=always test_dummy_encryption; do
	mount -t ext4 -o "$word" "$LOOP" kernel 2>/dev/null
	isnt $? 0 "$word: the kernel refuses it here"
	out=$(mount_image a.img mnt "$word" 2>&1)
	is $? 1 "$word: so do we"
	like "$out" "option .${word%%=*}. is not possible: " "$word: and say why"
done
out=$(mount_image a.img mnt inlinecrypt,usrjquota=aquota.user,jqfmt=vfsv1,nodioread_nolock,dax=never,uhelper=udisks2 2>&1)
like "$out" "without effect here: inlinecrypt,usrjquota=aquota.user,jqfmt=vfsv1,nodioread_nolock$" "what has no effect is said, once"
is "$(printf '%s\n' "$out" | wc -l)" 1 "in one line"
unmount mnt a.img

# follows FOLDER: what reading through its link gives.
follows()
{
	cat "$1/link" 2>&1 | sed 's/.*: //'
}

mount "$LOOP" kernel
mount_image a.img mnt
for m in mnt kernel; do
	echo content >$m/file
	ln -s file $m/link
done
is "$(follows mnt)" content "symfollow is the default"
umount kernel
unmount mnt a.img
mount -o nosymfollow "$LOOP" kernel
mount_image a.img mnt nosymfollow
is "$(follows mnt)" "$(follows kernel)" "nosymfollow: reading through a symlink is as in the kernel"
like "$(follows mnt)" "Too many levels" "nosymfollow: an error"
is "$(readlink mnt/link)" file "nosymfollow: the link can be read"
is "$(cat mnt/file)" content "nosymfollow: and the file"
like "$(grep " $T/mnt " /proc/self/mounts)" "nosymfollow" "nosymfollow: it is listed"
umount kernel
unmount mnt a.img
mount_image a.img mnt nosymfollow,symfollow
is "$(follows mnt)" content "symfollow: the last word counts"
unmount mnt a.img
chmod 755 .
chmod 666 a.img
chown 65534 mnt
# (In a namespace whose /dev/fuse is for everybody, as on most machines.)
mknod -m 666 fuse c 10 229 2>/dev/null
cp -L "$FUSE4FS" server
out=$(unshare -m --propagation private sh -c 'mount --bind fuse /dev/fuse || exit 0
	setpriv --reuid=65534 --regid=65534 --clear-groups ./server -o nosymfollow a.img mnt
	echo "status $?"; grep -c " $0/mnt " /proc/self/mounts' "$T" 2>&1)
if [[ $out =~ status ]]; then
	like "$out" "nosymfollow. is not possible here: .*only root.*status 32.*0$" \
		"nosymfollow: an ordinary user cannot have it, is told so, and nothing is mounted"
else
	skip "/dev/fuse cannot be replaced" "nosymfollow: an ordinary user cannot have it"
fi
wait_free a.img
fsck_clean a.img "clean"
detach "$LOOP"
done_testing
