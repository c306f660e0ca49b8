/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading directories: READDIR, READDIRPLUS, FSYNCDIR.  Changing them is in
 * op_name.c.
 */
#include <errno.h>
#include <string.h>
#include "server.h"
#include "syncing.h"

/*
 * A position in a directory says all that the next read needs, so there is
 * nothing to open.  ENOSYS tells the kernel to stop asking, and to cache what it read.
 */
void op_opendir(fuse_req_t req, fuse_ino_t node __attribute__((unused)),
		struct fuse_file_info *fi __attribute__((unused)))
{
	fuse_reply_err(req, ENOSYS);
}

struct listing {
	fuse_req_t	req;
	struct server	*srv;
	char		*buf;
	size_t		size, used;
	bool		plus;
};

static bool is_dot_or_dotdot(const struct ext4_dirent *ent)
{
	return ent->name[0] == '.' && (ent->len == 1 || (ent->len == 2 && ent->name[1] == '.'));
}

/*
 * Describe the entry's inode.  Node 0 tells the kernel that we have only the name: for
 * "." and "..", which it does not count as lookups, and for an inode that cannot be read, whose name
 * must still be listed.
 */
static void describe(struct listing *list, const struct ext4_dirent *ent,
		     struct fuse_entry_param *entry)
{
	struct ext4_inode *inode;
	int err;

	if (!is_dot_or_dotdot(ent) && !ext4_iget(list->srv->fs, ent->ino, &inode)) {
		err = remember(list->srv, inode);
		if (!err)
			fill_entry(list->srv, inode, entry);
		ext4_iput(inode);
		if (!err)
			return;
	}
	memset(entry, 0, sizeof(*entry));
	entry->attr.st_ino = ent->ino;
	entry->attr.st_mode = (mode_t)ent->type << 12;
}

static bool add_plus(struct listing *list, const struct ext4_dirent *ent, const char *name)
{
	struct fuse_entry_param entry;
	size_t room = list->size - list->used;

	if (fuse_add_direntry_plus(list->req, NULL, 0, name, NULL, 0) > room)
		return false;
	describe(list, ent, &entry);
	list->used += fuse_add_direntry_plus(list->req, list->buf + list->used, room, name, &entry,
					     ent->next_pos);
	return true;
}

static bool add_plain(struct listing *list, const struct ext4_dirent *ent, const char *name)
{
	struct stat st = { .st_ino = ent->ino, .st_mode = (mode_t)ent->type << 12 };
	size_t room = list->size - list->used;
	size_t need = fuse_add_direntry(list->req, list->buf + list->used, room, name, &st,
					ent->next_pos);

	if (need > room)
		return false;
	list->used += need;
	return true;
}

static bool add_entry(void *priv, const struct ext4_dirent *ent)
{
	struct listing *list = priv;
	char name[256];

	memcpy(name, ent->name, ent->len);
	name[ent->len] = '\0';
	return list->plus ? add_plus(list, ent, name) : add_plain(list, ent, name);
}

/* What a READDIRPLUS reply is made of; only the parts that are needed to take it back. */
struct plus_record {
	uint64_t	node;
	char		entry_rest[120];
	uint64_t	ino, off;
	uint32_t	namelen, type;
};

/* The kernel did not get the reply, so it does not hold what it names. */
static void take_back_all(struct listing *list)
{
	size_t at = 0;

	while (at + sizeof(struct plus_record) <= list->used) {
		struct plus_record record;

		memcpy(&record, list->buf + at, sizeof(record));
		at += (sizeof(record) + record.namelen + 7) & ~(size_t)7;
		if (record.node && record.node != FUSE_ROOT_ID)
			ext4_forget(list->srv->fs, record.node, 1);
	}
}

static void read_directory(fuse_req_t req, fuse_ino_t node, size_t size, off_t off, bool plus)
{
	struct listing list = { .req = req, .srv = req_server(req), .size = size, .plus = plus };
	struct ext4_inode *dir;
	int err;

	list.buf = thread_buffer(size);
	if (!list.buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	dir = node_get_or_fail(req, node);
	if (!dir)
		return;
	err = ext4_readdir(dir, NULL, off, add_entry, &list);
	ext4_iput(dir);
	/* What was read before an error is good; the error comes with the next read. */
	if (err && !list.used)
		reply_status(req, err);
	else if (fuse_reply_buf(req, list.buf, list.used) && plus)
		take_back_all(&list);
}

void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		struct fuse_file_info *fi __attribute__((unused)))
{
	read_directory(req, node, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t off,
		    struct fuse_file_info *fi __attribute__((unused)))
{
	read_directory(req, node, size, off, true);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync,
		 struct fuse_file_info *fi __attribute__((unused)))
{
	struct ext4_inode *dir = node_get_or_fail(req, node);

	if (dir)
		sync_and_reply(req, dir, datasync, 0, -1);
}
