/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the workload has done and what it was promised: every inode, name, size, content
 * and attribute with its whole history, operation by operation, so that any
 * state after a power cut can be compared with what was true when.
 *
 * Operations are numbered from 1; "state k" is the one after operation k.
 */
#ifndef POWERCUT_MODEL_H
#define POWERCUT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define XATTRS		3	/* names of attributes that files may have */
#define SMALL_NAMES	14	/* names that a small directory may hold */
#define BIG_NAMES	260
#define WINDOW_MAX	60	/* operations that may be undecided */

/* A value that changed with some operations. */
struct hist_item {
	uint32_t	op;
	int64_t		value;
};
struct hist {
	struct hist_item *items;
	unsigned int	nr, room;
};

struct version {
	uint32_t	op;
	bool		steps;	/* the operation was done in several steps that may be cut apart */
	uint64_t	size;
	char		*data;
};

struct synced {
	size_t		event;	/* of the device, when the promise was given */
	uint32_t	op;
};

struct m_inode {
	uint32_t	id, ino;
	mode_t		type;
	struct hist	mode, links;
	struct hist	mapping;	/* the last operation that may have changed where the content lies, and no byte of it */
	struct hist	xattr[XATTRS];	/* 0 none, else op << 16 | size */
	struct version	*versions;	/* of a file or symlink */
	unsigned int	nr_versions;
	struct hist	*names;		/* of a directory: id of what the name means, or -1 */
	unsigned int	nr_names;
	uint32_t	parent;		/* of a directory, now */
	uint32_t	meta_op;	/* newest operation that fsync must make durable */
	uint32_t	size_op;	/* ... fdatasync */
	struct synced	*synced;	/* content up to that operation is durable */
	unsigned int	nr_synced;
	void		*held;		/* the workload's open reference */
	bool		gone;
};

struct op_span {
	size_t	start, end;		/* events of the device before and after */
};

struct model {
	struct m_inode	**inodes;	/* by id; 0 is the root */
	unsigned int	nr_inodes;
	uint32_t	op;		/* the current one */
	struct op_span	*ops;
	struct synced	*promises;	/* all operations up to that one are durable */
	unsigned int	nr_promises;
};

struct model *model_new(void);
void model_free(struct model *m);
struct m_inode *model_add(struct model *m, uint32_t ino, mode_t type, mode_t mode,
			  unsigned int nr_names);

void hist_set(struct hist *h, uint32_t op, int64_t value);
int64_t hist_now(const struct hist *h);
int64_t hist_at(const struct hist *h, uint32_t op);	/* -1 before the first */
/* Bit i: was it @value in state lo + i? (lo <= state <= hi < lo + 64) */
uint64_t hist_mask(const struct hist *h, uint32_t lo, uint32_t hi, int64_t value);

/* The newest content; NULL when there is none yet. */
const struct version *model_now(const struct m_inode *inode);
/* Takes @data, which is malloc()ed. */
void model_content(struct model *m, struct m_inode *inode, char *data, uint64_t size, bool steps);
/* @event: all up to @op is durable from there on. */
void model_promise(struct model *m, size_t event, uint32_t op);
void model_promise_content(struct m_inode *inode, size_t event, uint32_t op);
uint32_t model_promised(const struct model *m, size_t cut);
/* The newest operation that can have left a trace when @cut events had happened. */
uint32_t model_reached(const struct model *m, size_t cut);

/* Name @n of directory @dir into @buf (64 bytes): its length; and back: -1 when it is none. */
unsigned int model_name(const struct m_inode *dir, unsigned int n, char *buf);
int model_name_number(const struct m_inode *dir, const char *name, unsigned int len);
/* The bytes that operation @op writes to inode @id at @pos. */
void model_pattern(uint32_t id, uint32_t op, uint64_t pos, char *buf, size_t len);

#endif /* POWERCUT_MODEL_H */
