/* SPDX-License-Identifier: BSD-2-Clause */
/* Folders on the way to a file. */
#ifndef AF_BASE_FOLDER_H
#define AF_BASE_FOLDER_H
#include "base/err.h"

/* Make what is missing of the folders above `path`, as mkdir -p would; AF_ESYS names the one. */
int af_folders_above(const char *path, struct af_err *err);

#endif
