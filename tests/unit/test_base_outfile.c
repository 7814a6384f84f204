/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE // O_TMPFILE
#include "base/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

/*
 * System calls that fail on demand: the library finds these in place of libc's.
 * n_eintr calls are interrupted first, then the call fails with the errno set.
 */
static struct {
    int nameless, open, access, fchmod, fsync, linkat, rename; // errno, 0: none
    int fsync_folder;                                  // errno of a folder's fsync
    int n_eintr;
} broken;

#define FAIL(what)                                                                                \
    do {                                                                                          \
        if (broken.n_eintr > 0 && broken.n_eintr--)                                               \
            return errno = EINTR, -1;                                                             \
        if (broken.what)                                                                          \
            return errno = broken.what, -1;                                                       \
    } while (0)

int open(const char *path, int flags, ...)
{
    unsigned mode = 0;
    va_list ap;

#ifdef O_TMPFILE
    if ((flags & O_TMPFILE) == O_TMPFILE)
        FAIL(nameless);
#endif
    if (flags & O_CREAT)
        FAIL(open);
    va_start(ap, flags);
    mode = va_arg(ap, unsigned);
    va_end(ap);
    return openat(AT_FDCWD, path, flags, mode);
}

int access(const char *path, int mode)
{
    if (mode & W_OK)
        FAIL(access);
    return faccessat(AT_FDCWD, path, mode, 0);
}

int fchmod(int fd, mode_t mode)
{
    FAIL(fchmod);
    return (int)syscall(SYS_fchmod, fd, mode);
}

int fsync(int fd)
{
    struct stat st;

    FAIL(fsync);
    if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
        FAIL(fsync_folder);
    return fdatasync(fd);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    FAIL(linkat);
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int rename(const char *from, const char *to)
{
    FAIL(rename);
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void put(const char *path, const char *text)
{
    FILE *fp = fopen(path, "w");

    assert_non_null(fp);
    fputs(text, fp);
    assert_int_equal(fclose(fp), 0);
}

static const char *text_of(const char *path)
{
    static char text[256];
    FILE *fp = fopen(path, "r");
    size_t n;

    if (!fp)
        return "(none)";
    n = fread(text, 1, sizeof(text) - 1, fp);
    text[n] = '\0';
    fclose(fp);
    return text;
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

/* How many names the folder holds. */
static int names_in(const char *folder)
{
    DIR *d = opendir(folder);
    int n = -2; // . and ..

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Write `text` to `path`; 0, or -1 with *err. */
static int write_file(const char *path, const char *text, struct af_err *err)
{
    struct af_outfile f;

    if (af_outfile_open(&f, path, err))
        return -1;
    fputs(text, f.fp);
    return af_outfile_commit(&f, err);
}

/* Each test in an empty folder, with and without nameless files. */
static int enter(void **state)
{
    (void)state;
    memset(&broken, 0, sizeof(broken));
    return mkdir("d", 0777) || chdir("d");
}

static int leave(void **state)
{
    (void)state;
    return chdir("..") || system("rm -r d");
}

static int enter_named(void **state)
{
    int ret = enter(state);

    broken.nameless = EOPNOTSUPP;
    return ret;
}

static void the_old_file_stands_until_commit(void **state)
{
    struct af_outfile f;
    struct af_err err;

    (void)state;
    put("a", "old");
    assert_int_equal(af_outfile_open(&f, "a", &err), 0);
    fputs("new", f.fp);
    fflush(f.fp);
    assert_string_equal(text_of("a"), "old");
    assert_int_equal(af_outfile_commit(&f, &err), 0);
    assert_null(f.fp);
    assert_null(f.path);
    assert_string_equal(text_of("a"), "new");
    assert_int_equal(names_in("."), 1);
}

static void discard_leaves_no_trace(void **state)
{
    struct af_outfile f;

    (void)state;
    put("a", "old");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(af_outfile_open(&f, i ? "a" : "b", NULL), 0);
        fputs("new", f.fp);
        af_outfile_discard(&f);
        af_outfile_discard(&f);
    }
    assert_string_equal(text_of("a"), "old");
    assert_int_equal(names_in("."), 1);
}

static void what_is_written_can_be_read_back(void **state)
{
    struct af_outfile f;

    (void)state;
    assert_int_equal(af_outfile_open(&f, "a", NULL), 0);
    fputs("abc", f.fp);
    rewind(f.fp);
    assert_int_equal(getc(f.fp), 'a');
    af_outfile_discard(&f);
}

static void the_mode_is_the_old_one_or_the_umasks(void **state)
{
    mode_t old = umask(027);

    (void)state;
    assert_int_equal(write_file("new", "x", NULL), 0);
    assert_int_equal(mode_of("new"), 0640);
    put("a", "old");
    assert_int_equal(chmod("a", 0664), 0);
    assert_int_equal(write_file("a", "x", NULL), 0);
    assert_int_equal(mode_of("a"), 0664);
    umask(old);
}

static void links_stay_and_lead_to_the_new_file(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(mkdir("sub", 0777), 0);
    put("sub/a", "old");
    assert_int_equal(symlink("a", "sub/l"), 0);
    assert_int_equal(symlink("sub/l", "l"), 0);
    assert_int_equal(write_file("l", "new", NULL), 0);
    assert_int_equal(lstat("l", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(lstat("sub/l", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_string_equal(text_of("sub/a"), "new");
    assert_int_equal(names_in("sub"), 2);

    assert_int_equal(symlink("sub/b", "dangling"), 0);
    assert_int_equal(write_file("dangling", "b", NULL), 0);
    assert_string_equal(text_of("sub/b"), "b");
    assert_int_equal(symlink("/nowhere/b", "far"), 0);
    assert_int_equal(write_file("far", "b", NULL), -1);
}

static void a_loop_of_links_is_told(void **state)
{
    struct af_err err;

    (void)state;
    assert_int_equal(symlink("b", "a"), 0);
    assert_int_equal(symlink("a", "b"), 0);
    assert_int_equal(write_file("a", "x", &err), -1);
    assert_string_equal(err.text, "a: Too many levels of symbolic links");
}

static void folders_and_missing_folders_are_told(void **state)
{
    struct af_err err;

    (void)state;
    assert_int_equal(write_file("sub/a", "x", &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, "sub/a: No such file or directory");
    assert_int_equal(write_file(".", "x", &err), -1);
    assert_string_equal(err.text, ".: Is a directory");
    assert_int_equal(names_in("."), 0);
}

static void a_protected_file_is_not_replaced(void **state)
{
    struct af_err err;

    (void)state;
    put("a", "old");
    broken.access = EACCES; // root would be allowed
    assert_int_equal(write_file("a", "x", &err), -1);
    assert_string_equal(err.text, "a: Permission denied");
    assert_string_equal(text_of("a"), "old");
}

static void a_full_device_is_told_and_stays(void **state)
{
    struct af_err err;
    struct stat st;

    (void)state;
    if (access("/dev/full", W_OK)) {
        print_message("# no /dev/full here\n");
        return;
    }
    assert_int_equal(write_file("/dev/full", "x", &err), -1);
    assert_string_equal(err.text, "/dev/full: No space left on device");
    assert_int_equal(lstat("/dev/full", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    assert_int_equal(write_file("/dev/null", "x", &err), 0);
}

static void a_pipe_is_written_through(void **state)
{
    struct af_outfile f;
    char c = 0;
    int fd;

    (void)state;
    assert_int_equal(mkfifo("p", 0600), 0);
    assert_true((fd = open("p", O_RDONLY | O_NONBLOCK)) >= 0);
    assert_int_equal(af_outfile_open(&f, "p", NULL), 0);
    assert_true(f.direct);
    putc('x', f.fp);
    fflush(f.fp);
    assert_int_equal(read(fd, &c, 1), 1);
    assert_int_equal(c, 'x');
    assert_int_equal(af_outfile_commit(&f, NULL), 0);
    close(fd);
    assert_int_equal(names_in("."), 1);
}

static void an_early_write_error_is_not_forgotten(void **state)
{
    struct af_outfile f;
    struct af_err err;

    (void)state;
    if (access("/dev/full", W_OK)) {
        print_message("# no /dev/full here\n");
        return;
    }
    assert_int_equal(af_outfile_open(&f, "/dev/full", NULL), 0);
    putc('x', f.fp);
    assert_int_equal(fflush(f.fp), EOF); // the stream forgets what it could not write
    assert_int_equal(af_outfile_commit(&f, &err), -1);
    assert_int_equal(err.kind, AF_ESYS);
    assert_non_null(strstr(err.text, "/dev/full: "));
}

/* The commit fails in the step that `what` breaks; the old file stands, nothing lies about. */
static void commit_fails(int *what, int why, const char *path, const char *want)
{
    int before = names_in(".");
    struct af_err err = {0};

    *what = why;
    assert_int_equal(write_file(path, "new", &err), -1);
    *what = 0;
    assert_int_equal(err.kind, AF_ESYS);
    assert_string_equal(err.text, want);
    assert_string_equal(text_of("a"), "old");
    assert_int_equal(names_in("."), before);
}

static void each_step_that_fails_leaves_the_old_file(void **state)
{
    struct af_err err = {0};

    (void)state;
    put("a", "old");
    commit_fails(&broken.fchmod, EPERM, "a", "a: Operation not permitted");
    commit_fails(&broken.fsync, EIO, "a", "a: Input/output error");
    commit_fails(&broken.fsync, EIO, "b", "b: Input/output error");
    commit_fails(&broken.rename, EBUSY, "a", "a: Device or resource busy");
    if (!broken.nameless) {
        commit_fails(&broken.linkat, EPERM, "a", "a: Operation not permitted");
        commit_fails(&broken.linkat, EEXIST, "a", "a: File exists");
    } else {
        commit_fails(&broken.open, ENOSPC, "a", "a: No space left on device");
        commit_fails(&broken.open, EEXIST, "b", "b: File exists");
    }
    broken.fsync_folder = EIO; // the file is there, but nobody may rely on it
    assert_int_equal(write_file("a", "new", &err), -1);
    assert_string_equal(err.text, "./: Input/output error");
    assert_string_equal(text_of("a"), "new");
    assert_int_equal(names_in("."), 1);
}

static void signals_and_systems_without_fsync_do_no_harm(void **state)
{
    (void)state;
    put("a", "old");
    broken.n_eintr = 5;
    broken.fsync = 0;
    assert_int_equal(write_file("b", "new", NULL), 0);
    broken.n_eintr = 0;
    broken.fsync = EINVAL;
    assert_int_equal(write_file("a", "new", NULL), 0);
    assert_string_equal(text_of("a"), "new");
    assert_string_equal(text_of("b"), "new");
    assert_int_equal(names_in("."), 2);
}

/* A process that dies before commit leaves the old file, and a nameless one nothing else. */
static void a_killed_writer_leaves_the_old_file(void **state)
{
    struct af_outfile f;
    pid_t child;

    (void)state;
    put("a", "old");
    child = fork();
    if (!child) {
        if (!af_outfile_open(&f, "a", NULL))
            fputs("new", f.fp);
        fflush(f.fp);
        abort();
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_string_equal(text_of("a"), "old");
    assert_in_range(names_in("."), 1, broken.nameless ? 2 : 1);
}

static void a_long_name_is_no_hindrance(void **state)
{
    char name[256];

    (void)state;
    memset(name, 'x', 255);
    name[255] = '\0';
    assert_int_equal(write_file(name, "old", NULL), 0);
    assert_int_equal(write_file(name, "new", NULL), 0);
    assert_string_equal(text_of(name), "new");
    assert_int_equal(names_in("."), 1);
}

static void a_file_of_ones_own_is_renamed_durably(void **state)
{
    struct af_err err;
    FILE *fp;

    (void)state;
    put("a", "old");
    put("t", "new");
    assert_non_null(fp = fopen("t", "r+"));
    broken.fsync = EIO;
    assert_int_equal(af_rename_durably(fileno(fp), "t", "a", &err), -1);
    broken.fsync = 0;
    assert_string_equal(err.text, "a: Input/output error");
    assert_string_equal(text_of("a"), "old");
    assert_int_equal(af_rename_durably(fileno(fp), "t", "a", &err), 0);
    assert_string_equal(text_of("a"), "new");
    assert_int_equal(af_rename_durably(fileno(fp), "t", "a", &err), -1);
    assert_string_equal(err.text, "a: No such file or directory");
    fclose(fp);
}

#define IN_A_FOLDER(f)                                                                            \
    cmocka_unit_test_setup_teardown(f, enter, leave),                                             \
        {#f "_named", f, enter_named, leave, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(the_old_file_stands_until_commit),
        IN_A_FOLDER(discard_leaves_no_trace),
        IN_A_FOLDER(what_is_written_can_be_read_back),
        IN_A_FOLDER(the_mode_is_the_old_one_or_the_umasks),
        IN_A_FOLDER(links_stay_and_lead_to_the_new_file),
        IN_A_FOLDER(a_loop_of_links_is_told),
        IN_A_FOLDER(folders_and_missing_folders_are_told),
        IN_A_FOLDER(a_protected_file_is_not_replaced),
        IN_A_FOLDER(a_full_device_is_told_and_stays),
        IN_A_FOLDER(a_pipe_is_written_through),
        IN_A_FOLDER(an_early_write_error_is_not_forgotten),
        IN_A_FOLDER(each_step_that_fails_leaves_the_old_file),
        IN_A_FOLDER(signals_and_systems_without_fsync_do_no_harm),
        IN_A_FOLDER(a_killed_writer_leaves_the_old_file),
        IN_A_FOLDER(a_long_name_is_no_hindrance),
        IN_A_FOLDER(a_file_of_ones_own_is_renamed_durably),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
