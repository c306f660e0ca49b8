/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Multi-mount protection: claiming a file system, keeping the claim alive from
 * a thread, giving it back.  The protocol is the kernel's: who writes to the
 * file system changes the sequence number in the MMP block every few seconds,
 * and who wants to write watches for long enough whether it changes.  How the
 * block is reached is in mmp_dev.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "ext2fs/mmp_i.h"
#include "ext2fs/unix_io_i.h"

/* How often whoever waits may say that it is enough. */
#define WAIT_MSEC	200

unsigned int ext2fs_mmp_second = 1000;

struct ext2fs_mmp {
	struct mmp_dev		dev;
	struct ext2fs_csum	csum;
	struct mmp_struct	before;		/* as it was found */
	struct mmp_struct	mine;		/* as last written; the thread's while it runs */
	uint32_t		old_seq;	/* written before that */
	unsigned int		interval;	/* seconds between two writes */
	ext2fs_mmp_lost_fn	lost;
	ext2fs_mmp_wait_fn	waiting;
	void			*priv;
	bool			is_lost;	/* to another; the thread's while it runs */
	pthread_t		thread;
	pthread_mutex_t		lock;		/* of stop */
	pthread_cond_t		cond;
	bool			stop;
};

/* ---- time ---- */

static void add_msec(struct timespec *ts, uint64_t ms)
{
	ts->tv_sec += (time_t)(ms / 1000);
	ts->tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_nsec -= 1000000000;
		ts->tv_sec++;
	}
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static struct timespec seconds_from_now(unsigned int seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	add_msec(&ts, (uint64_t)seconds * ext2fs_mmp_second);
	return ts;
}

/* Whole seconds of the protocol between two moments, rounded up. */
static unsigned int seconds_between(const struct timespec *from, const struct timespec *to)
{
	int64_t ms = (int64_t)(to->tv_sec - from->tv_sec) * 1000 +
		     (to->tv_nsec - from->tv_nsec) / 1000000;

	return ms <= 0 ? 0 : (unsigned int)((ms + ext2fs_mmp_second - 1) / ext2fs_mmp_second);
}

/* Minutes, perhaps, of which the caller is told; EINTR when that one does not want to wait. */
static errcode_t wait_seconds(struct ext2fs_mmp *mmp, unsigned int seconds)
{
	struct timespec until = seconds_from_now(seconds), now;
	unsigned int left;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = seconds_between(&now, &until);
		if (!left)
			return 0;
		if (mmp->waiting && !mmp->waiting(mmp->priv, left))
			return EINTR;
		add_msec(&now, WAIT_MSEC);
		if (is_before(&until, &now))
			now = until;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &now, NULL);
	}
}

/* ---- claiming ---- */

static errcode_t random_seq(uint32_t *seq)
{
	do {
		if (getrandom(seq, sizeof(*seq), 0) != (ssize_t)sizeof(*seq))
			return errno == EINTR ? EINTR : EIO;
	} while (*seq > EXT4_MMP_SEQ_MAX);
	return 0;
}

static unsigned int clamp(unsigned int v, unsigned int low, unsigned int high)
{
	return v < low ? low : v > high ? high : v;
}

static unsigned int update_interval(const struct ext2fs_super *sup)
{
	unsigned int v = le16_to_cpu(sup->raw.s_mmp_update_interval);

	return clamp(v ? v : EXT4_MMP_UPDATE_INTERVAL, 1, EXT4_MMP_MAX_CHECK_INTERVAL);
}

/* Of a holder that renews its number within @check seconds, one must have seen two. */
static unsigned int watch_time(unsigned int check)
{
	return check * 2 + 1 < check + 60 ? check * 2 + 1 : check + 60;
}

/*
 * Fails if somebody holds it; else nobody does, or who did has gone without a word.  No implementation writes
 * a longer interval than is allowed here, so one in the block is damage, and no reason to wait for hours.
 */
static errcode_t watch(struct ext2fs_mmp *mmp, unsigned int *wait)
{
	unsigned int check = clamp(le16_to_cpu(mmp->before.mmp_check_interval),
				   EXT4_MMP_MIN_CHECK_INTERVAL, EXT4_MMP_MAX_CHECK_INTERVAL);
	struct mmp_struct now;
	errcode_t err;

	*wait = 0;
	if (le32_to_cpu(mmp->before.mmp_seq) == EXT4_MMP_SEQ_CLEAN)
		return 0;
	if (le32_to_cpu(mmp->before.mmp_seq) == EXT4_MMP_SEQ_FSCK)
		return EXT2_ET_MMP_FSCK_ON;
	if (check < mmp->interval)
		check = mmp->interval;
	*wait = watch_time(check);
	err = wait_seconds(mmp, *wait);
	if (!err)
		err = mmp_read(&mmp->dev, &now);
	if (err)
		return err;
	if (now.mmp_seq != mmp->before.mmp_seq) {
		mmp->before = now;
		return EXT2_ET_MMP_FAILED;
	}
	return 0;
}

static void set_text(char *to, const char *from, size_t len)
{
	memset(to, 0, len);
	memcpy(to, from, strnlen(from, len));
}

/* The name by which people know the device, without its folder. */
static void device_name(const struct ext2fs_super *sup, char *to, size_t len)
{
	const struct unix_private_data *data = unix_io_data(sup->io);
	const char *name = sup->io->name ? sup->io->name : "";
	char link[64], target[4096];
	ssize_t n;

	if (data && sup->io->manager == unixfd_io_manager) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", data->fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			name = target;
		}
	}
	if (strrchr(name, '/'))
		name = strrchr(name, '/') + 1;
	set_text(to, name, len);
}

static void fill_mine(struct ext2fs_mmp *mmp, const struct ext2fs_super *sup, uint32_t seq)
{
	struct utsname uts;

	mmp->mine = mmp->before;
	mmp->mine.mmp_seq = cpu_to_le32(seq);
	mmp->mine.mmp_time = cpu_to_le64((uint64_t)time(NULL));
	mmp->mine.mmp_check_interval =
		cpu_to_le16((uint16_t)clamp(mmp->interval * EXT4_MMP_CHECK_MULT,
					    EXT4_MMP_MIN_CHECK_INTERVAL,
					    EXT4_MMP_MAX_CHECK_INTERVAL));
	set_text(mmp->mine.mmp_nodename, uname(&uts) < 0 ? "" : uts.nodename,
		 sizeof(mmp->mine.mmp_nodename));
	device_name(sup, mmp->mine.mmp_bdevname, sizeof(mmp->mine.mmp_bdevname));
	mmp->old_seq = seq;
}

/* Write an own number and see whether it is still there after as long as others would watch. */
static errcode_t claim(struct ext2fs_mmp *mmp, const struct ext2fs_super *sup,
		       unsigned int wait)
{
	struct mmp_struct now;
	errcode_t err;
	uint32_t seq;

	err = random_seq(&seq);
	if (err)
		return err;
	fill_mine(mmp, sup, seq);
	err = mmp_write(&mmp->dev, &mmp->mine);
	if (!err && wait)
		err = wait_seconds(mmp, wait);
	if (!err)
		err = mmp_read(&mmp->dev, &now);
	if (err)
		return err;
	if (now.mmp_seq != mmp->mine.mmp_seq) {
		mmp->before = now;
		return EXT2_ET_MMP_FAILED;
	}
	return 0;
}

/* ---- keeping the claim ---- */

static uint32_t next_seq(uint32_t seq)
{
	return seq >= EXT4_MMP_SEQ_MAX ? 1 : seq + 1;
}

/*
 * Is the block as we left it?  Ours, but one number behind, is as good: a
 * buffered write of a neighbour in the same page, begun before our last direct
 * write, may have put the older content back.  So is one number ahead: a write
 * that failed may have been done all the same.
 */
static bool still_mine(const struct ext2fs_mmp *mmp, const struct mmp_struct *now)
{
	uint32_t mine = le32_to_cpu(mmp->mine.mmp_seq), seq = le32_to_cpu(now->mmp_seq);

	return (seq == mine || seq == mmp->old_seq || seq == next_seq(mine)) &&
	       memcmp(now->mmp_nodename, mmp->mine.mmp_nodename,
		      sizeof(now->mmp_nodename)) == 0;
}

static errcode_t check_mine(struct ext2fs_mmp *mmp, struct mmp_struct *now)
{
	errcode_t err = mmp_read(&mmp->dev, now);

	if (!err && !still_mine(mmp, now))
		err = EXT2_ET_MMP_CHANGE_ABORT;
	return err;
}

static errcode_t renew(struct ext2fs_mmp *mmp, struct mmp_struct *now)
{
	uint32_t seq = le32_to_cpu(mmp->mine.mmp_seq);
	struct mmp_struct new = mmp->mine;
	errcode_t err = check_mine(mmp, now);

	if (err)
		return err;
	new.mmp_seq = cpu_to_le32(next_seq(seq));
	new.mmp_time = cpu_to_le64((uint64_t)time(NULL));
	err = mmp_write(&mmp->dev, &new);
	if (err)
		return err;
	mmp->mine = new;
	mmp->old_seq = seq;
	return 0;
}

/* Until @until, or until told to stop: true. */
static bool wait_stop(struct ext2fs_mmp *mmp, const struct timespec *until)
{
	bool stop;

	pthread_mutex_lock(&mmp->lock);
	while (!mmp->stop && pthread_cond_timedwait(&mmp->cond, &mmp->lock, until) != ETIMEDOUT)
		;
	stop = mmp->stop;
	pthread_mutex_unlock(&mmp->lock);
	return stop;
}

static void report_lost(struct ext2fs_mmp *mmp, errcode_t err, const struct mmp_struct *now)
{
	struct ext2fs_mmp_holder holder;

	mmp->is_lost = err == EXT2_ET_MMP_CHANGE_ABORT;
	mmp_describe(mmp->is_lost ? now : &mmp->mine, &holder);
	if (mmp->lost)
		mmp->lost(mmp->priv, err, &holder);
}

static void *keep_alive(void *arg)
{
	struct ext2fs_mmp *mmp = arg;
	struct timespec next, good, now_ts;
	struct mmp_struct now;
	unsigned int took;
	errcode_t err;

	pthread_setname_np(pthread_self(), "mmpd");
	clock_gettime(CLOCK_MONOTONIC, &good);
	for (;;) {
		next = seconds_from_now(mmp->interval);
		if (wait_stop(mmp, &next))
			return NULL;
		err = renew(mmp, &now);
		clock_gettime(CLOCK_MONOTONIC, &now_ts);
		took = seconds_between(&good, &now_ts);
		if (!err) {
			/* Others must be as patient as the device is slow. */
			mmp->mine.mmp_check_interval =
				cpu_to_le16((uint16_t)clamp(took * EXT4_MMP_CHECK_MULT,
							    EXT4_MMP_MIN_CHECK_INTERVAL,
							    EXT4_MMP_MAX_CHECK_INTERVAL));
			good = now_ts;
		} else if (err == EXT2_ET_MMP_CHANGE_ABORT ||
			   took > le16_to_cpu(mmp->mine.mmp_check_interval)) {
			report_lost(mmp, err, &now);
			return NULL;
		}
	}
}

/* Signals are for the threads that expect them. */
static errcode_t start_thread(struct ext2fs_mmp *mmp)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int err;

	pthread_mutex_init(&mmp->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&mmp->cond, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&mmp->thread, NULL, keep_alive, mmp);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		pthread_cond_destroy(&mmp->cond);
		pthread_mutex_destroy(&mmp->lock);
	}
	return err;
}

/* ---- giving it back ---- */

/* Unless it is somebody else's by now, mark the block clean, or put back what was there. */
static errcode_t give_back(struct ext2fs_mmp *mmp, bool restore)
{
	struct mmp_struct clean = mmp->mine, now;
	errcode_t err = check_mine(mmp, &now);

	if (err)
		return err;
	if (restore)
		return mmp_write(&mmp->dev, &mmp->before);
	clean.mmp_seq = cpu_to_le32(EXT4_MMP_SEQ_CLEAN);
	clean.mmp_time = cpu_to_le64((uint64_t)time(NULL));
	return mmp_write(&mmp->dev, &clean);
}

static errcode_t end(struct ext2fs_mmp *mmp, bool restore)
{
	errcode_t err, close_err;

	if (!mmp)
		return 0;
	pthread_mutex_lock(&mmp->lock);
	mmp->stop = true;
	pthread_cond_signal(&mmp->cond);
	pthread_mutex_unlock(&mmp->lock);
	pthread_join(mmp->thread, NULL);
	err = mmp->is_lost ? EXT2_ET_MMP_CHANGE_ABORT : give_back(mmp, restore);
	close_err = mmp_dev_close(&mmp->dev);
	pthread_cond_destroy(&mmp->cond);
	pthread_mutex_destroy(&mmp->lock);
	free(mmp);
	return err ? err : close_err;
}

errcode_t ext2fs_mmp_stop(struct ext2fs_mmp *mmp)
{
	return end(mmp, false);
}

errcode_t ext2fs_mmp_abandon(struct ext2fs_mmp *mmp)
{
	return end(mmp, true);
}

/* ---- the whole ---- */

static errcode_t claim_and_keep(struct ext2fs_mmp *mmp, const struct ext2fs_super *sup)
{
	unsigned int wait;
	errcode_t err;

	err = mmp_read(&mmp->dev, &mmp->before);
	if (!err)
		err = watch(mmp, &wait);
	if (err)
		return err;
	err = claim(mmp, sup, wait);
	if (!err)
		err = start_thread(mmp);
	if (err && err != EXT2_ET_MMP_FAILED)
		give_back(mmp, true);
	return err;
}

errcode_t ext2fs_mmp_start(const struct ext2fs_super *sup, ext2fs_mmp_lost_fn lost,
			   ext2fs_mmp_wait_fn waiting, void *priv, struct ext2fs_mmp_holder *holder,
			   struct ext2fs_mmp **ret)
{
	struct ext2fs_mmp *mmp = calloc(1, sizeof(*mmp));
	errcode_t err;

	*ret = NULL;
	if (holder)
		memset(holder, 0, sizeof(*holder));
	if (!mmp)
		return ENOMEM;
	mmp->interval = update_interval(sup);
	mmp->lost = lost;
	mmp->waiting = waiting;
	mmp->priv = priv;
	err = mmp_dev_open(sup, &mmp->dev);
	if (err)
		goto out_free;
	mmp->csum = sup->csum;
	mmp->dev.csum = &mmp->csum;
	err = claim_and_keep(mmp, sup);
	if (!err) {
		*ret = mmp;
		return 0;
	}
	if (holder)
		mmp_describe(&mmp->before, holder);
	mmp_dev_close(&mmp->dev);
out_free:
	free(mmp);
	return err;
}

errcode_t ext2fs_mmp_peek(const struct ext2fs_super *sup, struct ext2fs_mmp_holder *holder)
{
	struct mmp_dev dev = {
		.io = sup->io,
		.blk = le64_to_cpu(sup->raw.s_mmp_block),
		.csum = &sup->csum,
	};
	struct mmp_struct mmp;
	errcode_t err;

	memset(holder, 0, sizeof(*holder));
	if (!ext2fs_blocks_valid(sup, dev.blk, 1))
		return EXT2_ET_MMP_BAD_BLOCK;
	err = mmp_read(&dev, &mmp);
	if (!err)
		mmp_describe(&mmp, holder);
	return err;
}
