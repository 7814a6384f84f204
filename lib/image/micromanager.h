/* SPDX-License-Identifier: BSD-2-Clause */
/* What Micro-Manager 1.4, 2 and NDTiff say of a plane in the JSON of private TIFF tag 51123. */
#ifndef AF_IMAGE_MICROMANAGER_H
#define AF_IMAGE_MICROMANAGER_H
#include "image/stack.h"

/*
 * json: n bytes, need not end in NUL. Sets the fields of *p that it has: ZPositionUm,
 * XPositionUm, YPositionUm, Exposure-ms (or Exposure), ElapsedTime-ms, and the
 * indices Slice, Channel, Frame. Returns whether there was a z. Text that is no JSON changes
 * nothing.
 *
 * Source: Micro-Manager's MultipageTiffWriter metadata; reference/ome rules.
 */
bool af_micromanager_plane(const char *json, size_t n, struct af_plane *p);

#endif
