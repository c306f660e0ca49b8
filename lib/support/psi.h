/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A monitor of memory pressure: a thread that calls its handlers when tasks
 * stall on memory (the kernel's pressure stall information), in the whole
 * system or in our control group, and on a timer.  What to give back is the
 * handlers' business.
 */
#ifndef SUPPORT_PSI_H
#define SUPPORT_PSI_H

#include <stdbool.h>
#include <et/com_err.h>

struct psi;

enum psi_reason {
	PSI_SYSTEM_PRESSURE,
	PSI_CGROUP_PRESSURE,
	PSI_TIMER,
};

#define PSI_DEFAULT_STALL_US	200000
#define PSI_DEFAULT_WINDOW_US	2000000	/* without privilege it must be a multiple of this */
#define PSI_DEFAULT_TIMER_S	300

struct psi_params {
	const char	*thread_name;	/* up to 15 characters */
	/* /proc/pressure/memory, open for reading and writing; -1 = none */
	int		system_fd;
	int		cgroup_fd;	/* the control group's memory.pressure; -1 = none */
	bool		open_files;	/* open those that are -1 here */
	unsigned int	stall_us;	/* so much stall ... */
	unsigned int	window_us;	/* ... in so long; 0 = the defaults */
	unsigned int	timer_s;	/* period of the timer, seconds; 0 = no timer */
};

/*
 * Make a monitor.  The two descriptors become the monitor's and are closed by
 * psi_destroy(), or here when this fails.  One that cannot be used is
 * dropped; when none is left, a message says so and only the timer works.
 */
errcode_t psi_create(const struct psi_params *params, struct psi **ret);
/* Does it watch pressure?  If not, the owner should set a fixed budget. */
bool psi_watches_pressure(const struct psi *psi);
/* Register a handler, before psi_start().  They run in the monitor's thread, in this order. */
errcode_t psi_add_handler(struct psi *psi, void (*func)(void *priv, enum psi_reason reason),
			  void *priv);
/* Start the thread; all signals are blocked in it. */
errcode_t psi_start(struct psi *psi);
/* Stop the thread (a handler that runs is waited for) and free.  NULL is allowed. */
void psi_destroy(struct psi *psi);
/*
 * The path of this process' memory.pressure, made from @cgroup (the text of /proc/self/cgroup);
 * false = none.
 */
bool psi_cgroup_path(const char *cgroup, char *path, unsigned long size);

#endif /* SUPPORT_PSI_H */
