/* SPDX-License-Identifier: BSD-2-Clause */
/* What Micro-Manager 1.4, 2 and NDTiff say of a plane in the JSON of private TIFF tag 51123. */
#ifndef AF_IMAGE_MICROMANAGER_H
#define AF_IMAGE_MICROMANAGER_H
#include "image/stack.h"

/*
 * json: n bytes, need not end in NUL, and may lack its last brace. Sets the fields of *p that it
 * has: ZPositionUm, XPositionUm, YPositionUm (NDTiff: Z-, X-, YPosition_um_Intended), Exposure-ms
 * (or Exposure), ElapsedTime-ms, and the indices Slice, Channel, Frame (NDTiff: Axes); and *bits
 * by BitDepth, 0 where that is not said. Returns whether it was JSON; other text changes nothing.
 *
 * Source: Micro-Manager's MultipageTiffWriter, NDTiffStorage, pycro-manager's AcqEngMetadata.
 */
bool af_micromanager_plane(const char *json, size_t n, struct af_plane *p, unsigned *bits);

#endif
