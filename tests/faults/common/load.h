/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fixed sequence of operations that calls every public function of the engine, and what it
 * was promised on the way.
 *
 * It comes in rounds, each with a directory of its own.  When all of a round has been synced, its
 * directory is listed: from then until the round after the next deletes it, that is
 * what must be found.
 */
#ifndef FAULTS_LOAD_H
#define FAULTS_LOAD_H

#include <stdbool.h>
#include "ext4/ext4.h"
#include "api.h"
#include "dev.h"
#include "list.h"

#define LOAD_ROUNDS	6
#define LOAD_MAX_STEPS	2048
#define LOAD_PROMISES	32

/* One file that fsync() has said is durable. */
struct promise {
	char		path[64];	/* in its round's directory */
	int		round;
	uint64_t	content;
};

/* What the same load does when nothing fails; memory shared by all processes. */
struct golden {
	int		steps;
	uint64_t	after[LOAD_MAX_STEPS];	/* what the tree is after each step */
	struct listing	final;
	unsigned long	reads, writes, flushes, allocs;
};

struct load {
	struct dev		*dev;
	struct golden		*golden;
	bool			record;		/* fill @golden->after */
	struct ext4_mount_opts	opts;
	struct ext4_fs		*fs;
	struct ext4_inode	*root, *dir;	/* the round's directory */
	int			round, step;
	char			reason[256];

	/* What came of it. */
	int			mount_err, umount_err;
	int			errors;		/* steps that failed */
	int			first_err, first_step;
	char			first_name[32];
	bool			half_done;	/* after the first error the tree was neither as before nor as after */
	bool			lied;		/* success where there must be an error */
	bool			read_only;	/* before the unmount */
	bool			hit_journal;	/* likewise: a write into the log had failed */
	int			complaints;	/* messages of level EXT4_LOG_ERR */
	char			complaint[512];	/* the last one */
	bool			acked[LOAD_ROUNDS + 1];
	struct listing		ack[LOAD_ROUNDS + 1];	/* the last: "old", from before */
	struct listing		final;
	struct promise		promises[LOAD_PROMISES];
	int			n_promises;
};

/* Run it all on @l->dev: mount, rounds, unmount; mount again, shut down, unmount. */
void load_run(struct load *l);
/* Make a tree, and leave the device as a crash would: a log to replay, an orphan. */
void load_prepare(struct load *l);
/* Room for one, zeroed, which is nobody's allocation. */
struct load *load_new(struct dev *dev, struct golden *golden);

/*
 * A step: counted, and an error other than @may (0: none is expected) noted.  Returns @ret.
 * LOAD_PARTIAL: may be half done when it fails.
 */
#define LOAD_PARTIAL	0x10000
ssize_t load_step(struct load *l, const char *name, ssize_t ret, int may);
#define STEP(l, may, function, ...)	load_step(l, #function, CALL(function, __VA_ARGS__), may)
/* fsync() of this file succeeded. */
void load_promise(struct load *l, const char *path, struct ext4_inode *inode);
/* It is about to change. */
void load_unpromise(struct load *l, const char *path);

/* Made if it is not there; NULL on error. */
struct ext4_inode *load_create(struct load *l, struct ext4_inode *dir, const char *name, mode_t mode);
struct ext4_inode *load_mkdir(struct load *l, struct ext4_inode *dir, const char *name);
/* @len bytes at @off that say DEV_DATA_MARK */
void load_write(struct load *l, struct ext4_inode *inode, size_t len, off_t off, unsigned int flags);
const char *load_data(size_t len);

/* The parts of a round. */
void load_names(struct load *l);
void load_file_data(struct load *l);
void load_attributes(struct load *l);
void load_whole(struct load *l);
void load_remove(struct load *l, struct ext4_inode *dir);	/* all in it */

extern const struct ext4_cred load_root, load_user;

#endif /* FAULTS_LOAD_H */
