/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the workload share.
 */
#ifndef POWERCUT_WORKLOAD_I_H
#define POWERCUT_WORKLOAD_I_H

#include "report.h"
#include "workload.h"

#define CONTENT_MAX	(600U << 10)	/* bytes in all files */
#define FILE_MAX	(90U << 10)
#define HELD_MAX	3		/* open files without a name */

struct work {
	const struct workload_params *params;
	struct pc_device *dev;
	io_channel	channel, log_channel;
	struct ext4_fs	*fs;
	struct model	*m;
	struct m_inode	*big;		/* the big directory */
	uint64_t	seed;
	uint64_t	content;	/* bytes in all files, about */
	unsigned int	files, held;
	/* by the current operation: a name changed, this file's content */
	bool		named;
	struct m_inode	*wrote;
	struct m_inode	*last;		/* written to */
};

extern const struct ext4_cred workload_cred;

/* One operation of the model: everything that the engine does in between belongs to it. */
void op_begin(struct work *w);
void op_end(struct work *w);
/* A failure of the engine ends the test. */
void op_check(struct work *w, long ret, const char *what);
struct ext4_inode *work_inode(struct work *w, const struct m_inode *inode);

/* Choices; NULL when there is nothing to choose from. */
struct m_inode *pick_dir(struct work *w);
struct m_inode *pick_file(struct work *w);
int pick_name(struct work *w, const struct m_inode *dir, bool taken);
struct m_inode *child_of(struct work *w, const struct m_inode *dir, int n);

/* Each does one operation, or a few, or none when it finds nothing to do. */
void do_write(struct work *w);
void write_to(struct work *w, struct m_inode *inode);
void do_truncate(struct work *w);
void do_falloc(struct work *w);
void do_xattr(struct work *w);
void do_chmod(struct work *w);
void do_create(struct work *w);
void do_mkdir(struct work *w);
void do_symlink(struct work *w);
void do_link(struct work *w);
void do_unlink(struct work *w);
void do_rename(struct work *w);
void do_exchange(struct work *w);
void do_tmpfile(struct work *w);
void do_let_go(struct work *w);
void do_big(struct work *w);
void do_replace(struct work *w);
void do_sync(struct work *w);
void do_sync_all(struct work *w);
void fsync_inode(struct work *w, struct m_inode *inode, bool datasync);
struct m_inode *make_dir(struct work *w, struct m_inode *dir, int n, unsigned int names);
struct m_inode *make_file(struct work *w, struct m_inode *dir, int n);

#endif /* POWERCUT_WORKLOAD_I_H */
