/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the engine's public functions were called, against those that its header declares.
 */
#ifndef FAULTS_API_H
#define FAULTS_API_H

void api_mark(const char *function);

#define CALL(function, ...)	(api_mark(#function), function(__VA_ARGS__))
#define CALL_VOID(function, ...) do { api_mark(#function); function(__VA_ARGS__); } while (0)

/*
 * Prints each function that the header declares and nobody called: their number.  @total gets
 * how many there are.
 */
int api_missing(const char *header, int *total);

#endif /* FAULTS_API_H */
