/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * powercut [-j JOBS] [-s SECONDS] [-r SEED] [-c CONFIG] [-n STATES] [-k DIR]
 * powercut walk IMAGE
 *
 * Rounds of all configurations, or CONFIG only, in JOBS processes: one short run, or for SECONDS.
 * The last lines say for each configuration what was tried.  Exit status 1: something failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include "ext2fs/ext2_err.h"
#include "fsck.h"
#include "report.h"
#include "round.h"
#include "walk.h"

#define JOBS_MAX 64

struct job {
	pid_t pid;
	unsigned int config;
	uint64_t seed;
};

struct run {
	unsigned int jobs, running;
	long seconds; /* 0: a short run */
	uint64_t seed;
	const struct config *only;
	unsigned int states; /* 0: as the configuration says */
	const char *keep;
	struct job job[JOBS_MAX];
	struct tally *shared; /* by job, written by the children */
	struct tally *sums;   /* by configuration */
	double began;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- children ---- */

static void begin(struct run *run, unsigned int config, uint64_t seed)
{
	struct round r = { .config = &configs[config],
			   .seed = seed,
			   .keep = run->keep,
			   .states = run->states ? run->states : configs[config].states };
	unsigned int i = 0;
	char why[256];

	while (run->job[i].pid)
		i++;
	memset(&run->shared[i], 0, sizeof(run->shared[i]));
	run->job[i] = (struct job){ .config = config, .seed = seed };
	fflush(NULL);
	run->job[i].pid = fork();
	if (run->job[i].pid < 0)
		pc_die("cannot fork");
	if (!run->job[i].pid) {
		round_run(&r, &run->shared[i], why);
		free(run->sums);
		exit(0);
	}
	run->running++;
}

static void add(struct tally *to, const struct tally *from)
{
	const unsigned long *f = (const unsigned long *)from;
	unsigned long *t = (unsigned long *)to;
	unsigned int i;

	for (i = 0; i < sizeof(*to) / sizeof(*t); i++)
		t[i] += f[i];
}

static void end_one(struct run *run)
{
	int status, i;
	pid_t pid = wait(&status);

	for (i = 0; i < JOBS_MAX && run->job[i].pid != pid; i++)
		;
	if (pid < 0 || i == JOBS_MAX)
		pc_die("lost a child");
	if (status) {
		run->shared[i].failures++;
		printf("# %s, seed %llu: the round ended with status %x\n",
		       configs[run->job[i].config].name, (unsigned long long)run->job[i].seed,
		       status);
	}
	add(&run->sums[run->job[i].config], &run->shared[i]);
	run->job[i].pid = 0;
	run->running--;
}

/* ---- the course of a run ---- */

static void round_of_all(struct run *run, uint64_t n)
{
	unsigned int i, w;

	for (i = 0; i < nr_configs; i++) {
		if (run->only && run->only != &configs[i])
			continue;
		for (w = 0; w < (run->only ? 1 : configs[i].weight); w++) {
			if (run->seconds && now() - run->began >= run->seconds)
				return;
			if (run->running == run->jobs)
				end_one(run);
			begin(run, i, run->seed + n * 100 + w);
		}
	}
}

static void print_tally(const char *name, const struct tally *t)
{
	printf("%s: %lu states (%lu at flushes, %lu cut twice), %lu agreed with e2fsck (%lu not "
	       "clean), "
	       "%lu replays compared, %lu read back, %lu repaired, %lu rounds, %lu operations, %lu "
	       "events, %lu failures\n",
	       name, t->states, t->flushes, t->second, t->agreed, t->dirty, t->replays, t->read,
	       t->repaired, t->rounds, t->operations, t->events, t->failures);
}

static int summary(struct run *run)
{
	struct tally all = { 0 };
	double took = now() - run->began;
	unsigned int i;

	for (i = 0; i < nr_configs; i++) {
		if (!run->sums[i].rounds && !run->sums[i].failures)
			continue;
		print_tally(configs[i].name, &run->sums[i]);
		add(&all, &run->sums[i]);
	}
	print_tally("total", &all);
	printf("%.0f seconds, %.0f states/s\n", took, all.states / took);
	free(run->sums);
	return all.failures != 0;
}

static void parse(struct run *run, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "j:s:r:c:n:k:")) != -1) {
		switch (opt) {
		case 'j': run->jobs = atoi(optarg); break;
		case 's': run->seconds = atol(optarg); break;
		case 'r': run->seed = strtoull(optarg, NULL, 0); break;
		case 'n': run->states = atoi(optarg); break;
		case 'k': run->keep = optarg; break;
		case 'c':
			run->only = config_find(optarg);
			if (!run->only)
				pc_die("there is no configuration %s", optarg);
			break;
		default: exit(2);
		}
	}
	if (run->jobs < 1 || run->jobs > JOBS_MAX)
		pc_die("1 to %d jobs", JOBS_MAX);
}

static int walk_image(const char *path)
{
	struct view v;
	struct stat st;
	int fd = open(path, O_RDONLY);
	char *image;

	if (fd < 0 || fstat(fd, &st))
		pc_die("cannot open %s", path);
	image = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (!view_open(&v, image, st.st_size))
		return 1;
	v.loud = true;
	walk_check(&v);
	printf("%u problems, digest %016llx\n", v.problems, (unsigned long long)walk_digest(&v));
	return v.problems != 0;
}

int main(int argc, char **argv)
{
	struct run run = { .jobs = sysconf(_SC_NPROCESSORS_ONLN), .seed = 1, .began = now() };
	uint64_t n = 0;

	initialize_ext2_error_table();
	if (argc == 3 && !strcmp(argv[1], "walk"))
		return walk_image(argv[2]);
	parse(&run, argc, argv);
	run.shared = mmap(NULL, JOBS_MAX * sizeof(*run.shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	run.sums = calloc(nr_configs, sizeof(*run.sums));
	if (run.shared == MAP_FAILED || !run.sums)
		pc_die("out of memory");
	do
		round_of_all(&run, n++);
	while (run.seconds && now() - run.began < run.seconds);
	while (run.running)
		end_one(&run);
	return summary(&run);
}
