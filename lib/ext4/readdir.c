/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading directories.  Positions are hashes of names where there is, or
 * could be, an index: they stay good whatever is added or removed meanwhile.
 * A list of blocks without index has byte offsets, since its entries never
 * move.
 *
 * Entries are copied out under the directory's lock and given to the caller
 * after it was dropped: the caller may look at the inodes.
 */
#include <dirent.h>
#include <stdlib.h>
#include "ext4/htree_i.h"

/*
 * A position in hash order is short, the major hash alone, or long, with the minor one in its lower half.  A short one
 * means: from the first name with that hash on.  It fits the 31 bits that 32-bit programs have for it, and is
 * enough wherever the next name has another major hash; only among names that share one the long form is needed.
 */
#define POS_DOT		0ULL
#define POS_DOTDOT	1ULL
#define POS_FIRST	2ULL		/* of all other names; the first hashes are moved there */
#define POS_SHORT_MAX	0x7fffffffULL	/* no hash is this one; also the end, in hash order */
#define POS_END		((1ULL << 63) - 1)

/*
 * The names of one position that were given out already, when a reply ended
 * among them.  Readers without a cursor of their own find it at the inode.
 */
struct ext4_dir_cursor {
	uint64_t		pos;
	char			*names;		/* length byte, name, ... */
	size_t			used, room;
};

struct item {
	uint64_t	pos;
	uint32_t	ino;
	uint32_t	name;		/* offset in the batch's text */
	uint8_t		len, type;
};

struct batch {
	struct ext4_inode	*dir;
	int			version;	/* of the hash; -1: positions are offsets */
	uint64_t		from;		/* a position */
	uint64_t		low;		/* the same, comparable with those of the items */
	uint64_t		base;		/* offset of the block at hand, for offsets */
	struct item		*items;
	size_t			n, room;
	char			*text;
	size_t			text_len, text_room;
};

/* ---- cursors ---- */

struct ext4_dir_cursor *ext4_dir_open(struct ext4_inode *dir __attribute__((unused)))
{
	return calloc(1, sizeof(struct ext4_dir_cursor));
}

void ext4_dir_close(struct ext4_dir_cursor *cursor)
{
	if (!cursor)
		return;
	free(cursor->names);
	free(cursor);
}

static bool was_given(const struct ext4_dir_cursor *cursor, uint64_t pos, const char *name, uint8_t len)
{
	size_t at;

	if (!cursor || cursor->pos != pos)
		return false;
	for (at = 0; at < cursor->used; at += 1 + (uint8_t)cursor->names[at])
		if ((uint8_t)cursor->names[at] == len && !memcmp(cursor->names + at + 1, name, len))
			return true;
	return false;
}

static bool grow(void *array, size_t *room, size_t need, size_t item)
{
	size_t want = *room ? *room : 64;
	void *p;

	while (want < need)
		want *= 2;
	if (want == *room)
		return true;
	p = realloc(*(void **)array, want * item);
	if (!p)
		return false;
	*(void **)array = p;
	*room = want;
	return true;
}

static void note_given(struct ext4_dir_cursor *cursor, uint64_t pos, const char *name, uint8_t len)
{
	if (!cursor)
		return;
	if (cursor->pos != pos) {
		cursor->pos = pos;
		cursor->used = 0;
	}
	/* Without memory a name comes twice, which readers must bear anyway. */
	if (!grow(&cursor->names, &cursor->room, cursor->used + 1 + len, 1))
		return;
	cursor->names[cursor->used] = len;
	memcpy(cursor->names + cursor->used + 1, name, len);
	cursor->used += 1 + len;
}

/* A reader that goes on where another reply ended takes its cursor along; one that begins elsewhere gets a new one. */
static struct ext4_dir_cursor *borrow_cursor(struct ext4_inode *dir, uint64_t pos)
{
	struct ext4_dir_cursor *cursor;

	pthread_mutex_lock(&dir->i_lock);
	cursor = dir->i_cursor;
	if (cursor && cursor->pos == pos)
		dir->i_cursor = NULL;
	else
		cursor = NULL;
	pthread_mutex_unlock(&dir->i_lock);
	return cursor ? cursor : ext4_dir_open(dir);
}

static void return_cursor(struct ext4_inode *dir, struct ext4_dir_cursor *cursor)
{
	struct ext4_dir_cursor *old = cursor;

	pthread_mutex_lock(&dir->i_lock);
	if (cursor && cursor->used) {
		old = dir->i_cursor;
		dir->i_cursor = cursor;
	}
	pthread_mutex_unlock(&dir->i_lock);
	ext4_dir_close(old);
}

/* ---- collecting ---- */

static uint8_t dirent_type(uint8_t ftype)
{
	static const uint8_t types[EXT2_FT_MAX] = { DT_UNKNOWN, DT_REG, DT_DIR, DT_CHR, DT_BLK, DT_FIFO, DT_SOCK,
						    DT_LNK };

	return ftype < EXT2_FT_MAX ? types[ftype] : DT_UNKNOWN;
}

/* The same order in one number: what positions are compared by. */
static uint64_t order_of(uint32_t major, uint32_t minor)
{
	major >>= 1;
	return (uint64_t)(major < POS_FIRST ? POS_FIRST : major) << 32 | minor;
}

static uint64_t hash_pos(const struct ext4_hash *hash)
{
	return order_of(hash->major, hash->minor);
}

static uint64_t order_of_pos(uint64_t pos)
{
	if (pos < POS_FIRST || pos > POS_SHORT_MAX)
		return pos;
	return pos == POS_SHORT_MAX ? POS_END : pos << 32;
}

static int add_item(struct batch *b, uint64_t pos, const char *name, uint8_t len, uint32_t ino, uint8_t type)
{
	if (!grow(&b->items, &b->room, b->n + 1, sizeof(*b->items)) ||
	    !grow(&b->text, &b->text_room, b->text_len + len, 1))
		return -ENOMEM;
	b->items[b->n++] = (struct item){ pos, ino, b->text_len, len, type };
	memcpy(b->text + b->text_len, name, len);
	b->text_len += len;
	return 0;
}

/* A name that no path can hold; given out, it would lead its readers elsewhere. */
static int check_name(const struct batch *b, const struct ext2_dir_entry_2 *de)
{
	if (!memchr(de->name, '/', de->name_len) && !memchr(de->name, '\0', de->name_len))
		return 0;
	return ext4_corrupt(b->dir->i_fs, b->dir->i_ino, 0, "the name of inode %u has a slash or a NUL",
			    le32_to_cpu(de->inode));
}

static int collect_entry(struct batch *b, const struct ext2_dir_entry_2 *de, uint64_t off)
{
	struct ext4_hash hash;
	uint64_t pos = off;
	int err = check_name(b, de);

	if (err)
		return err;
	if (b->version >= 0) {
		if (ext4_is_dot(de))
			return 0;
		err = ext4_dx_hash(b->dir, b->version, de->name, de->name_len, &hash);
		if (err)
			return err;
		/* The legacy hash has no minor part; for telling names apart any other sum will do. */
		if (b->version == EXT2_HASH_LEGACY)
			hash.minor = ext2fs_crc32c_le(~0U, de->name, de->name_len);
		pos = hash_pos(&hash);
	}
	if (pos < b->low)
		return 0;
	return add_item(b, pos, de->name, de->name_len, le32_to_cpu(de->inode), dirent_type(de->file_type));
}

static int collect_area(struct batch *b, const struct ext4_area *area)
{
	struct ext2_dir_entry_2 *de;
	unsigned int off, next;
	int err;

	for (off = 0; off < area->size; off = next) {
		err = ext4_area_entry(area, off, &de, &next);
		if (!err && de->inode)
			err = collect_entry(b, de, b->base + off);
		if (err)
			return err;
	}
	return 0;
}

static int collect_leaf(void *priv, struct iocache_buf *leaf)
{
	struct batch *b = priv;
	struct ext4_area area = ext4_leaf_area(b->dir, leaf);

	return collect_area(b, &area);
}

static int by_pos(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->pos < y->pos ? -1 : x->pos > y->pos;
}

/* ---- the forms of directories; each sets *next, where the following batch begins ---- */

static int collect_indexed(struct batch *b, uint64_t *next)
{
	uint64_t first = b->low >> 32;
	uint32_t major = first > POS_FIRST ? (uint32_t)first << 1 : 0, next_major = 0;
	bool end = false;
	int err;

	err = ext4_dx_walk(b->dir, major, collect_leaf, b, &next_major, &end);
	if (err)
		return err;
	if (end)
		*next = POS_END;
	else if (next_major >> 1 > first && next_major >> 1 > POS_FIRST)
		*next = next_major >> 1;
	else
		*next = (first > POS_FIRST ? first : POS_FIRST) + 1;
	return 0;
}

static int collect_inline(struct batch *b, uint64_t *next)
{
	struct ext4_area area;
	size_t split = 0;
	uint32_t size;
	char *buf;
	int len, err;

	err = ext4_inline_max(b->dir, &size);
	if (err)
		return err;
	buf = calloc(1, size + EXT4_MIN_INLINE_DATA_SIZE);
	if (!buf)
		return -ENOMEM;
	len = ext4_inline_dir_load(b->dir, buf, size, &split);
	err = len < 0 ? len : 0;
	if (!err) {
		area = (struct ext4_area){ b->dir, buf, split, 0 };
		err = collect_area(b, &area);
	}
	if (!err) {
		area = (struct ext4_area){ b->dir, buf + split, len - split, 0 };
		err = collect_area(b, &area);
	}
	free(buf);
	*next = POS_END;
	return err;
}

/* One block of a list; with hashes it is the only one. */
static int collect_list(struct batch *b, uint64_t *next)
{
	struct ext4_fs *fs = b->dir->i_fs;
	uint64_t lblk = b->version >= 0 ? 0 : b->from >> fs->block_bits;
	struct iocache_buf *buf;
	int err;

	*next = POS_END;
	if (lblk >= ext4_dir_blocks(b->dir))
		return 0;
	err = ext4_read_leaf(b->dir, lblk, &buf);
	if (err)
		return err;
	b->base = lblk << fs->block_bits;
	err = collect_leaf(b, buf);
	iocache_put(buf);
	if (b->version < 0)
		*next = (lblk + 1) << fs->block_bits;
	return err;
}

static bool has_hash_order(const struct ext4_inode *dir)
{
	return ext4_has_inline_data(dir) || ext4_is_indexed(dir) ||
	       (ext2fs_has_feature_dir_index(dir->i_fs->sb) && ext4_dir_blocks(dir) == 1);
}

/* "." and ".." of a hash-ordered directory come from the inode, not from a search. */
static int collect_dots(struct batch *b)
{
	uint32_t parent;
	int err = 0;

	if (b->from <= POS_DOT)
		err = add_item(b, POS_DOT, ".", 1, b->dir->i_ino, DT_DIR);
	if (!err && b->from <= POS_DOTDOT) {
		err = ext4_parent_ino(b->dir, &parent);
		if (!err)
			err = add_item(b, POS_DOTDOT, "..", 2, parent, DT_DIR);
	}
	return err;
}

static int collect(struct batch *b, uint64_t *next)
{
	struct ext4_inode *dir = b->dir;
	int err = 0;

	b->version = -1;
	b->n = b->text_len = b->base = 0;
	b->low = b->from;
	if (has_hash_order(dir)) {
		err = ext4_dx_version(dir, &b->version);
		b->low = order_of_pos(b->from);
		*next = POS_END;
		if (b->low == POS_END)
			return err;
		if (!err)
			err = collect_dots(b);
	}
	if (err)
		return err;
	if (ext4_has_inline_data(dir))
		err = collect_inline(b, next);
	else if (ext4_is_indexed(dir))
		err = collect_indexed(b, next);
	else
		err = collect_list(b, next);
	if (!err && b->version >= 0 && b->n)
		qsort(b->items, b->n, sizeof(*b->items), by_pos);
	return err;
}

/* ---- giving out ---- */

/*
 * Where to go on after item @i: behind its position, or at it again while others
 * share it; the cursor knows which of them were given.  All names with one major hash are in one batch.
 */
static uint64_t pos_after(const struct batch *b, size_t i)
{
	uint64_t pos = b->items[i].pos, next = i + 1 < b->n ? b->items[i + 1].pos : POS_END;

	if (next == pos)
		return pos;
	if (b->version < 0 || pos < POS_FIRST || next >> 32 == pos >> 32)
		return pos + 1;
	return (pos >> 32) + 1;
}

/* true = all given, false = the caller is full. */
static bool give_out(struct batch *b, struct ext4_dir_cursor *cursor, ext4_fill_fn fill, void *priv)
{
	struct ext4_dirent ent;
	const struct item *it;
	size_t i;

	for (i = 0; i < b->n; i++) {
		it = &b->items[i];
		if (was_given(cursor, it->pos, b->text + it->name, it->len))
			continue;
		ent = (struct ext4_dirent){ .name = b->text + it->name, .len = it->len, .ino = it->ino,
					    .type = it->type, .next_pos = pos_after(b, i) };
		if (!fill(priv, &ent))
			return false;
		if (ent.next_pos == it->pos)
			note_given(cursor, it->pos, b->text + it->name, it->len);
	}
	return true;
}

static int read_on(struct ext4_inode *dir, struct ext4_dir_cursor *cursor, uint64_t pos, ext4_fill_fn fill, void *priv)
{
	struct batch b = { .dir = dir };
	uint64_t next = pos;
	int err = 0;

	/* Someone who starts anew, or elsewhere, wants all. */
	if (cursor && cursor->pos != pos)
		cursor->used = 0;
	do {
		b.from = next;
		if (err || b.from >= POS_END)
			break;
		ext4_lock_shared(dir);
		err = dir->i_nlink ? collect(&b, &next) : 0;
		if (!dir->i_nlink)
			next = POS_END;
		if (!err && !pos)
			ext4_touch_atime(dir);
		ext4_unlock(dir);
	} while (!err && give_out(&b, cursor, fill, priv) && next < POS_END);
	free(b.items);
	free(b.text);
	return err;
}

int ext4_readdir(struct ext4_inode *dir, struct ext4_dir_cursor *cursor, uint64_t pos, ext4_fill_fn fill, void *priv)
{
	struct ext4_dir_cursor *borrowed = NULL;
	int err;

	if (!S_ISDIR(dir->i_type))
		return -ENOTDIR;
	if (!cursor)
		cursor = borrowed = borrow_cursor(dir, pos);
	err = read_on(dir, cursor, pos, fill, priv);
	if (borrowed)
		return_cursor(dir, borrowed);
	return err;
}
