/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for the server of a mount that has been undone.  It is the server
 * that is waited for, and not that nobody uses the device: that is anybody's to prevent.
 */
#ifndef MISC_UMOUNT_WAIT_H
#define MISC_UMOUNT_WAIT_H

#include <stdbool.h>

struct server_wait;

/*
 * Find out who serves the mount that is seen at @mountpoint, while it is there.  NULL when nothing is
 * mounted there, or memory is short.
 */
struct server_wait *server_wait_prepare(const char *mountpoint);
/*
 * After the unmount: wait until the server has released its device or has ended.  At once when the file
 * system is still mounted elsewhere, or when there was no server.  False when it takes longer than
 * @seconds.
 */
bool server_wait(struct server_wait *wait, unsigned int seconds);
/* What was mounted; the pointer is good until server_wait_free(). */
const char *server_wait_source(const struct server_wait *wait);
/* NULL is fine. */
void server_wait_free(struct server_wait *wait);

#endif /* MISC_UMOUNT_WAIT_H */
