/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls of the server's processes: the one place where they are named.  seccomp.c makes filters of
 * it, the Makefile the unit's SystemCallFilter= (so nothing but these lists may be in here).
 */
#ifndef FUSE4FS_CALLS_H
#define FUSE4FS_CALLS_H

/* With any arguments: they act on what is open, or on this process alone. */
#define CALLS_OF_ALL(X) \
	X(read) X(write) X(close) X(fstat) X(lseek) X(poll) X(ppoll) \
	X(munmap) X(mremap) X(madvise) X(brk) X(futex) X(set_robust_list) X(rseq) X(restart_syscall) \
	X(nanosleep) X(clock_nanosleep) X(clock_gettime) X(clock_getres) X(gettimeofday) X(time) \
	X(rt_sigprocmask) X(rt_sigreturn) X(sigaltstack) X(sched_yield) \
	X(getpid) X(gettid) X(getuid) X(geteuid) X(getgid) X(getegid) X(uname) X(getrandom) \
	X(dup2) X(dup3) X(exit) X(exit_group)

#define CALLS_OF_SERVER(X) \
	X(readv) X(writev) X(pread64) X(pwrite64) X(preadv) X(pwritev) \
	X(fsync) X(fdatasync) X(sync_file_range) X(fallocate) X(ftruncate) X(fadvise64) X(flock) \
	X(epoll_create1) X(epoll_ctl) X(epoll_wait) X(epoll_pwait) X(eventfd2) \
	X(sched_getaffinity) X(membarrier) X(rt_sigtimedwait) X(rt_sigpending) X(sysinfo)

/* Of a service's server until its mount is made: the conversation with the helper (which leaves the folder once more). */
#define CALLS_OF_TALK(X) \
	X(chdir) X(sendmsg) X(recvmsg) X(sendto) X(recvfrom) X(shutdown) X(getsockopt) X(setsockopt)

/* Allowed with some arguments only, which the filters know. */
#define CALLS_BY_ARGUMENT(X) \
	X(ioctl) X(fcntl) X(mmap) X(mprotect) X(clone) X(clone3) X(kill) X(tgkill) X(prctl) \
	X(wait4) X(newfstatat) X(rt_sigaction)

/* Libraries look for files that may as well be missing; that they tried is logged by the kernel. */
#define CALLS_WITHOUT_FILES(X) \
	X(open) X(openat) X(stat) X(lstat) X(access) X(faccessat) X(faccessat2) X(readlink) \
	X(readlinkat) X(statx)

/* Of the attendant: its tasks, and the system log. */
#define CALLS_OF_ATTENDANT(X) \
	X(open) X(openat) X(stat) X(lstat) X(statx) X(newfstatat) X(fcntl) X(fstatfs) X(syncfs) X(sync) \
	X(sendmsg) X(recvfrom)
/* Not in a service, which has no rights for the first three, and has a descriptor of the log. */
#define CALLS_OF_UNMOUNTING(X) \
	X(fsmount) X(move_mount) X(umount2) X(unlink) X(socket) X(connect) X(sendto)

/* Of a service's server until it enters its own filter: the program's start, and that entering. */
#define CALLS_OF_START(X) \
	X(execve) X(arch_prctl) X(set_tid_address) X(prlimit64) X(getrlimit) \
	X(close_range) X(getdents64) X(pipe2) X(socketpair) \
	X(statfs) \
	X(capget) X(seccomp) X(landlock_create_ruleset) X(landlock_restrict_self)

#endif /* FUSE4FS_CALLS_H */
