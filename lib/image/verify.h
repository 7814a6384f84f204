/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a stack what it should be? */
#ifndef AF_IMAGE_VERIFY_H
#define AF_IMAGE_VERIFY_H
#include "image/stack.h"

/* One complaint: `plane` is SIZE_MAX where it is about the whole stack. */
typedef void af_verify_report(void *ctx, size_t plane, const char *problem, const char *detail);

/* More saturated pixels than this part of a plane are reported. Choice: a laser spot's core is well
 * below. */
#define AF_VERIFY_SATURATED 0.01

/* Planes between two of the same channel and time. Choice: more are not looked through. */
#define AF_VERIFY_LOOK 1024

/*
 * Read all planes and report, in this order per plane: `unreadable` (ends the check), `size`,
 * `nan`, `black` (all counts equal), `saturated`, `no-z`, `z-repeat`, `z-turns` (not monotone;
 * checked within a channel and time); for the whole: `no-z` where no plane has z, and `missing`
 * planes. Returns the number of reports, or -1 with AF_ESYS.
 */
long af_stack_verify(struct af_stack *st, af_verify_report *report, void *ctx, struct af_err *err);

#endif
