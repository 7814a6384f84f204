/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/folder.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int af_folders_above(const char *path, struct af_err *err)
{
    char *part = af_strdup(path, err);
    int ret = part ? 0 : -1;

    for (char *s = part ? strchr(part + 1, '/') : NULL; s && !ret; s = strchr(s + 1, '/')) {
        *s = '\0';
        if (mkdir(part, 0777) && errno != EEXIST)
            ret = af_fail_errno(err, "%s", part);
        *s = '/';
    }
    free(part);
    return ret;
}
