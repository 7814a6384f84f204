/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls of the v4l2: driver, so that a test can stand in for the kernel. */
#ifndef AF_DEVICE_CAMERA_V4L2_H
#define AF_DEVICE_CAMERA_V4L2_H
#include <poll.h>
#include <stddef.h>

/* As open(2), close(2), ioctl(2), mmap(2) of a whole buffer, munmap(2) and poll(2). */
struct af_v4l2_calls {
    int (*open)(const char *path, int flags);
    int (*close)(int fd);
    int (*ioctl)(int fd, unsigned long request, void *arg);
    void *(*map)(size_t n, int fd, long offset); // NULL with errno: failed
    int (*unmap)(void *p, size_t n);
    int (*poll)(struct pollfd *p, int timeout_ms);
};

#endif
