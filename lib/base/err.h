/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors: what went wrong, whose fault it is, and one line that says so. */
#ifndef AF_BASE_ERR_H
#define AF_BASE_ERR_H

/*
 * Kinds, each with the exit status a tool ends with. Choice: AF_EBUSY is
 * EX_TEMPFAIL of sysexits(3), so that cron and retry loops can tell.
 */
enum af_kind {
    AF_OK = 0,
    AF_ESYS,    // 1: the system refused: memory, files, disk
    AF_EDATA,   // 1: the input is not what it should be
    AF_EUSAGE,  // 2: wrong options, or something that cannot be done
    AF_EDEVICE, // 3: hardware absent, silent or refusing
    AF_ENOFOCUS, // 4: ran well and has no answer that can be trusted
    AF_ELIMIT,  // 5: a safety limit forbids it; nothing was sent
    AF_EBUSY,   // 75: the device or folder is locked by another
};

struct af_err {
    enum af_kind kind;
    char text[512]; // "subject: reason", no full stop, no newline
};

/*
 * Fill err (which may be NULL) and return -1, so that a function can end with
 * `return af_fail(err, AF_EDATA, "%s: page %zu is empty", path, i);`
 * Control characters that a hostile file put into the text become '?'.
 */
int af_fail(struct af_err *err, enum af_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": strerror(errno)" behind; kind AF_ESYS, errno kept. */
int af_fail_errno(struct af_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
