/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recognizing what people take for an ext4 image, by a few bytes at fixed places.
 * (libblkid knows more, and would parse it all with the rights of who mounts, before there
 * is a sandbox.)
 */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "foreign.h"

#define SECTOR		512
#define LOOK_AT		(72 << 10)	/* bytes; Btrfs has its mark at 64 KiB */
#define MBR_ENTRIES	446
#define MBR_MARK	510
#define GPT_MAX		128		/* entries that are looked at */

static const struct {
	unsigned int	pos;
	const char	*mark;		/* bytes, @len of them */
	unsigned int	len;
	const char	*text;
} marks[] = {
	{ 0, "LUKS\xba\xbe", 6, "an encrypted volume (LUKS): open it with `cryptsetup open', and mount /dev/mapper/..." },
	{ 0, "QFI\xfb", 4, "a qcow2 image: attach it with `qemu-nbd -c /dev/nbd0', and mount that, or `qemu-img convert -O raw' it" },
	{ 0, "KDMV", 4, "a VMDK image: attach it with `qemu-nbd -c /dev/nbd0', and mount that" },
	{ 0, "vhdxfile", 8, "a VHDX image: attach it with `qemu-nbd -c /dev/nbd0', and mount that" },
	{ 64, "\x7f\x10\xda\xbe", 4, "a VDI image: attach it with `qemu-nbd -c /dev/nbd0', and mount that" },
	{ 0, "\x1f\x8b", 2, "compressed with gzip: unpack it with gunzip" },
	{ 0, "\xfd" "7zXZ", 6, "compressed with xz: unpack it with unxz" },
	{ 0, "\x28\xb5\x2f\xfd", 4, "compressed with zstd: unpack it with unzstd" },
	{ 0, "BZh", 3, "compressed with bzip2: unpack it with bunzip2" },
	{ 0, "PK\x03\x04", 4, "a zip archive: unpack it with unzip" },
	{ 0, "\x3a\xff\x26\xed", 4, "an Android sparse image: unpack it with simg2img" },
	{ 512, "LABELONE", 8, "an LVM physical volume: activate its group with `vgchange -ay', and mount /dev/GROUP/VOLUME" },
	{ 4096, "\xfc\x4e\x2b\xa9", 4, "a member of a RAID array: assemble it with `mdadm --assemble', and mount that" },
	{ 0, "XFSB", 4, "an XFS file system" },
	{ 0x10040, "_BHRfS_M", 8, "a Btrfs file system" },
	{ 1024, "\x10\x20\xf5\xf2", 4, "an F2FS file system" },
	{ 0, "hsqs", 4, "a squashfs file system" },
	{ 3, "NTFS    ", 8, "an NTFS file system" },
	{ 3, "EXFAT   ", 8, "an exFAT file system" },
	{ 54, "FAT1", 4, "a FAT file system" },
	{ 82, "FAT32", 5, "a FAT file system" },
	{ 32769, "CD001", 5, "an ISO 9660 file system" },
	{ 4086, "SWAPSPACE2", 10, "swap space" },
};

static uint64_t get64(const unsigned char *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

static uint32_t get32(const unsigned char *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

/* Add a partition to the list of offsets, while there is room. */
static void add_offset(char *list, size_t size, uint64_t sector)
{
	size_t len = strlen(list);

	if (sector < UINT64_MAX / SECTOR && size - len > 40)
		snprintf(list + len, size - len, "%soffset=%" PRIu64, len ? ", " : "", sector * SECTOR);
}

static bool tell_table(const char *kind, const char *list, char *text, size_t size)
{
	snprintf(text, size, "a whole disk with a partition table (%s): mount a partition, by its own device or with %s",
		 kind, *list ? list : "-o offset=BYTES");
	return true;
}

/* A GUID partition table: the entries follow the header, usually at once. */
static bool describe_gpt(const unsigned char *block, char *text, size_t size)
{
	static const unsigned char none[16];
	const unsigned char *header = block + SECTOR;
	uint64_t start = get64(header + 72);
	uint32_t count = get32(header + 80), each = get32(header + 84);
	char list[200] = "";

	if (memcmp(header, "EFI PART", 8))
		return false;
	if (start < LOOK_AT / SECTOR && each >= 128 && each <= 4096)
		for (uint32_t i = 0; i < count && i < GPT_MAX && start * SECTOR + (i + 1) * each <= LOOK_AT; i++) {
			const unsigned char *entry = block + start * SECTOR + i * each;

			if (memcmp(entry, none, sizeof(none)))
				add_offset(list, sizeof(list), get64(entry + 32));
		}
	return tell_table("GPT", list, text, size);
}

static bool describe_mbr(const unsigned char *block, char *text, size_t size)
{
	bool found = false;
	char list[200] = "";

	if (block[MBR_MARK] != 0x55 || block[MBR_MARK + 1] != 0xaa)
		return false;
	for (int i = 0; i < 4; i++) {
		const unsigned char *entry = block + MBR_ENTRIES + 16 * i;

		/* Anything but these two is no partition, and this is a boot sector. */
		if (entry[0] & 0x7f)
			return false;
		if (!entry[4] || !get32(entry + 8) || !get32(entry + 12))
			continue;
		found = true;
		add_offset(list, sizeof(list), get32(entry + 8));
	}
	return found && tell_table("MBR", list, text, size);
}

static bool describe(const unsigned char *block, char *text, size_t size)
{
	/* A superblock of ours that is damaged says so itself. */
	if (block[1024 + 56] == 0x53 && block[1024 + 57] == 0xef)
		return false;
	if (describe_gpt(block, text, size))
		return true;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (memcmp(block + marks[i].pos, marks[i].mark, marks[i].len))
			continue;
		snprintf(text, size, "%s", marks[i].text);
		return true;
	}
	return describe_mbr(block, text, size);
}

bool foreign_describe(int fd, uint64_t offset, char *text, size_t size)
{
	unsigned char *block;
	bool found = false;
	ssize_t len;

	if (posix_memalign((void **)&block, 4096, LOOK_AT))
		return false;
	memset(block, 0, LOOK_AT);
	len = pread(fd, block, LOOK_AT, offset);
	if (len > 0)
		found = describe(block, text, size);
	free(block);
	return found;
}
