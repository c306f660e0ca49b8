/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are open for writing, and what was refused of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include "ext2fs/ext2_fs.h"
#include "notify.h"
#include "outside.h"
#include "space.h"
#include "support/list.h"

#define BUCKETS		64
#define NEXT_TO_NOTHING	(4U << 20)	/* bytes free; below, files are opened past the cache */
#define SLACK		(16U << 20)	/* bytes */
#define LIMIT_MIN	(4U << 20)	/* bytes */
#define MORE_THAN_USUAL	(256U << 20)	/* bytes */
#define FULL		(4U << 10)	/* bytes free; below, a write that needs some is not let in */

/* An inode that is open for writing, however often. */
struct written_file {
	struct list_head	list;
	struct ext4_inode	*inode;		/* of the open files, which hold it */
	unsigned int		opens;		/* space->lock */
	pthread_mutex_t		lock;		/* of what follows; one write after the other while space is short */
	int			error;		/* refused, and nobody was told */
	bool			refused;	/* somebody was told, and space has not come back since */
	bool			allocates;	/* the last write that we saw took new blocks */
	int64_t			blocks;		/* of the inode, before the write at hand */
};

struct space {
	_Atomic uint64_t	dirty_limit;	/* bytes that the kernel may hold */
	pthread_mutex_t		lock;		/* of the table */
	struct list_head	table[BUCKETS];
	atomic_bool		is_short;
};

bool space_is_short(struct server *srv)
{
	return srv->space && atomic_load_explicit(&srv->space->is_short, memory_order_relaxed);
}

/*
 * The kernel's defaults: a hundredth of a fifth of the memory (FUSE's bdi has max_ratio 1, vm.dirty_ratio is 20); and the
 * pages of the write(2)s that are under way.
 */
static uint64_t default_limit(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		return MORE_THAN_USUAL;
	return (uint64_t)info.totalram * info.mem_unit / 500 + SLACK;
}

void space_ready(struct server *srv)
{
	struct statvfs st;
	uint64_t share;

	if (!srv->space || ext4_statfs(srv->fs, &st))
		return;
	share = (uint64_t)st.f_blocks * st.f_frsize / 16;
	if (share < LIMIT_MIN)
		share = LIMIT_MIN;
	if (share < default_limit() && outside_limit_dirty(share >> 10))
		atomic_store(&srv->space->dirty_limit, share + SLACK / 4);
	space_look(srv);
}

struct space *space_create(void)
{
	struct space *space = calloc(1, sizeof(*space));

	if (!space)
		return NULL;
	atomic_init(&space->dirty_limit, default_limit());
	pthread_mutex_init(&space->lock, NULL);
	for (int i = 0; i < BUCKETS; i++)
		INIT_LIST_HEAD(&space->table[i]);
	return space;
}

void space_destroy(struct space *space)
{
	if (!space)
		return;
	pthread_mutex_destroy(&space->lock);
	free(space);
}

/* ---- files ---- */

static struct list_head *bucket_of(struct space *space, uint32_t ino)
{
	return &space->table[ino % BUCKETS];
}

/* space->lock held */
static struct written_file *find(struct space *space, struct ext4_inode *inode)
{
	struct written_file *written;

	list_for_each_entry(written, bucket_of(space, ext4_ino(inode)), list)
		if (written->inode == inode)
			return written;
	return NULL;
}

static struct written_file *add(struct space *space, struct ext4_inode *inode)
{
	struct written_file *written = calloc(1, sizeof(*written));

	if (!written)
		return NULL;
	written->inode = inode;
	/* Until we see a write of it: most grow. */
	written->allocates = true;
	pthread_mutex_init(&written->lock, NULL);
	list_add_tail(&written->list, bucket_of(space, ext4_ino(inode)));
	return written;
}

struct written_file *space_opened(struct server *srv, struct ext4_inode *inode)
{
	struct space *space = srv->space;
	struct written_file *written;

	pthread_mutex_lock(&space->lock);
	written = find(space, inode);
	if (!written)
		written = add(space, inode);
	if (written)
		written->opens++;
	pthread_mutex_unlock(&space->lock);
	return written;
}

void space_closed(struct server *srv, struct written_file *written)
{
	struct space *space = srv->space;
	uint32_t ino = ext4_ino(written->inode);
	bool lost = false, last;

	pthread_mutex_lock(&space->lock);
	last = !--written->opens;
	if (last)
		list_del(&written->list);
	pthread_mutex_unlock(&space->lock);
	if (!last)
		return;
	lost = written->error || written->refused;
	pthread_mutex_destroy(&written->lock);
	free(written);
	/* The kernel still shows the size that the file would have had. */
	if (lost)
		notify_drop(srv, ino);
}

/* ---- how much is free ---- */

static void expire_all(struct server *srv)
{
	struct space *space = srv->space;
	struct written_file *written;

	pthread_mutex_lock(&space->lock);
	for (int i = 0; i < BUCKETS; i++)
		list_for_each_entry(written, &space->table[i], list)
			notify_attr_later(srv, ext4_ino(written->inode));
	pthread_mutex_unlock(&space->lock);
}

/* With some distance between the two, so that it does not change with every write. */
void space_look(struct server *srv)
{
	struct space *space = srv->space;
	uint64_t limit;
	bool now;

	if (!space)
		return;
	limit = atomic_load_explicit(&space->dirty_limit, memory_order_relaxed);
	if (space_is_short(srv))
		limit += limit / 4;
	now = ext4_free_bytes(srv->fs, NULL) < limit;
	if (now == space_is_short(srv))
		return;
	if (!atomic_exchange(&space->is_short, now) && now)
		expire_all(srv);
}

bool space_wants_direct(struct server *srv)
{
	return space_is_short(srv) && ext4_free_bytes(srv->fs, NULL) < NEXT_TO_NOTHING;
}

/* Who is not open for writing need not be asked for. */
double space_attr_timeout(struct server *srv, struct ext4_inode *inode, uint32_t flags)
{
	if (!ext4_open_for_writing(inode))
		return CACHE_FOREVER;
	return space_is_short(srv) || flags & EXT2_IMMUTABLE_FL ? 0 : CACHE_FOREVER;
}

/* ---- the gate ---- */

struct waiting {
	fuse_req_t		req;
	struct open_file	*file;
};

static bool is_full(struct server *srv, const struct ext4_cred *cred)
{
	if (ext4_free_bytes_now(srv->fs, cred) >= FULL)
		return false;
	ext4_reclaim_space(srv->fs);
	return ext4_free_bytes_now(srv->fs, cred) < FULL;
}

/*
 * The kernel holds nothing of the file any more: may somebody write?  A file that is read as well asks in the same way
 * before it is read at its end, so it is refused only what was refused before.
 */
static int judge(struct server *srv, struct open_file *file, const struct ext4_cred *cred)
{
	struct written_file *written = file->written;
	bool full = is_full(srv, cred);
	int err;

	pthread_mutex_lock(&written->lock);
	err = written->error;
	if (!full && !err)
		written->refused = false;
	if (!err && full && written->allocates && (!file->reading || written->refused))
		err = -ENOSPC;
	if (err && !file->reading)
		written->error = 0;
	written->refused = written->refused || err;
	pthread_mutex_unlock(&written->lock);
	return err;
}

static void answer(void *arg)
{
	struct waiting *waiting = arg;
	struct server *srv = req_server(waiting->req);
	struct ext4_cred cred = writer_cred(waiting->req, waiting->file->inode);
	int err = judge(srv, waiting->file, &cred);

	if (err)
		reply_status(waiting->req, err);
	else
		reply_attr(waiting->req, waiting->file->inode);
	free(waiting);
	space_look(srv);
}

/* Without having the kernel write back: what is known already. */
static int known_error(struct server *srv, struct open_file *file)
{
	int err;

	if (ext4_inode_flags(file->inode) & EXT2_IMMUTABLE_FL)
		return -EPERM;
	if (space_is_short(srv))
		return 0;
	pthread_mutex_lock(&file->written->lock);
	err = file->written->error;
	pthread_mutex_unlock(&file->written->lock);
	if (err && !file->reading)
		space_take_error(file);
	return err;
}

bool space_gate(fuse_req_t req, struct open_file *file)
{
	struct server *srv = req_server(req);
	int err = known_error(srv, file);
	struct waiting *waiting;

	if (err) {
		reply_status(req, err);
		return true;
	}
	if (!space_is_short(srv))
		return false;
	waiting = malloc(sizeof(*waiting));
	if (!waiting)
		return false;
	*waiting = (struct waiting) { req, file };
	notify_write_back(srv, ext4_ino(file->inode), answer, waiting);
	return true;
}

/* ---- writes ---- */

static int64_t blocks_of(struct ext4_inode *inode)
{
	struct ext4_stat st;

	ext4_getattr(inode, &st);
	return st.st.st_blocks;
}

/*
 * While space is short one after the other; and when something was refused, nothing behind it is taken that needs
 * space, so that what is missing in the end is the file's tail.
 */
bool space_begin_write(struct server *srv, struct open_file *file, unsigned int *flags)
{
	struct written_file *written = file->written;

	if (!space_is_short(srv))
		return false;
	pthread_mutex_lock(&written->lock);
	written->blocks = blocks_of(written->inode);
	if (written->error)
		*flags |= EXT4_WRITE_IN_PLACE;
	return true;
}

void space_end_write(struct server *srv, struct open_file *file, bool turn, ssize_t result)
{
	struct written_file *written = file->written;

	if (turn)
		written->allocates = result < 0 || blocks_of(written->inode) > written->blocks;
	else if (result < 0)
		pthread_mutex_lock(&written->lock);
	if (result < 0 && !written->error)
		written->error = result;
	if (turn || result < 0)
		pthread_mutex_unlock(&written->lock);
	/* So that the kernel asks before it takes the next one. */
	if (result < 0)
		notify_attr_later(srv, ext4_ino(written->inode));
	space_look(srv);
}

int space_take_error(struct open_file *file)
{
	struct written_file *written = file->written;
	int err;

	if (!written)
		return 0;
	pthread_mutex_lock(&written->lock);
	err = written->error;
	written->error = 0;
	written->refused = written->refused || err;
	pthread_mutex_unlock(&written->lock);
	return err;
}
