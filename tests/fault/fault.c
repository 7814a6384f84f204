/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fails the n-th call of one kind in a program, from the start of its main until that returns.
 *
 *   FAULT=KIND:N:HOW[:FD] LD_PRELOAD=build/fault.so stack-info x.tif
 *
 * KIND  malloc    malloc, calloc, realloc, aligned; also those that libraries and
 *                 the C library make (strdup, fopen, getline, ...)
 *       thread    pthread_create
 *       read write fsync rename open close stat seek truncate lock
 *                 system calls, see kinds[]
 * N     which call, from 1; 0: none, only count
 * HOW   an errno (ENOMEM EIO ENOSPC EINTR EACCES EMFILE EAGAIN), or `short`: half the
 *       bytes; with a `+` behind, every call from the n-th on fails, as on a full disk;
 *       for system calls also KILL TERM INT: that signal comes just before the call, and
 *       `torn`: SIGKILL in the middle of a write, where the kernel heeds it: between two
 *       pages of the file's cache. A write that meets no border is done before
 * FD    descriptor of a file that holds a struct fault_report (fault.h), so that
 *       the caller learns whether N was past the last call
 *
 * FAULT_ABORT=1 aborts where the fault strikes, for a debugger (gdb: set startup-with-shell off).
 * Where a fault ends in SIGSEGV or SIGABRT, the report names the object whose code it was, the C
 * library's own functions left aside: a library that cannot do without memory is told from us.
 *
 * Writes to stderr are never failed, nor counted: the message is what is tested. Closing really
 * closes before it fails, as Linux does.
 *
 * System calls are not interposed by name, since stdio calls the C library's inner
 * read and write past any symbol. A seccomp filter traps them instead: the kernel
 * sends SIGSYS for those in the list that come from the text of the C library, and
 * the handler fails the call or makes it from here, which the filter lets pass. So stdio,
 * libtiff and libpng are all met, while the loader and the sanitizers, which call the
 * kernel from elsewhere, are left alone. No privilege is needed. A program that is
 * exec'd keeps the filter, but its C library lies at another address, so it runs free.
 *
 * Ends with 125 where the kernel refuses the filter or FAULT is wrong.
 */
#define _GNU_SOURCE
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define EXPORT __attribute__((visibility("default")))

/* Which system calls are of a kind: the first n of the list. */
static const struct {
    const char *name;
    int n;
    long call[6];
} kinds[] = {
#ifdef __NR_open
    {"open", 3, {__NR_openat, __NR_open, __NR_creat}},
    {"rename", 5, {__NR_renameat2, __NR_renameat, __NR_rename, __NR_linkat, __NR_link}},
    {"stat", 5, {__NR_newfstatat, __NR_fstat, __NR_statx, __NR_stat, __NR_lstat}},
#else
    {"open", 1, {__NR_openat}},
    {"rename", 3, {__NR_renameat2, __NR_renameat, __NR_linkat}},
    {"stat", 3, {__NR_newfstatat, __NR_fstat, __NR_statx}},
#endif
    {"read", 3, {__NR_read, __NR_pread64, __NR_readv}},
    {"write", 3, {__NR_write, __NR_pwrite64, __NR_writev}},
    {"fsync", 2, {__NR_fsync, __NR_fdatasync}},
    {"close", 1, {__NR_close}},
    {"seek", 1, {__NR_lseek}},
    {"truncate", 2, {__NR_ftruncate, __NR_truncate}},
    {"lock", 1, {__NR_flock}},
};

static const struct {
    const char *name;
    int value;
} errors[] = {
    {"ENOMEM", ENOMEM}, {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},
    {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN},
};

static const struct {
    const char *name;
    int value;
} signals[] = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT}, {"torn", SIGKILL}};

enum { NONE, MALLOC, THREAD, CALL };
enum { PAGE = 4096 }; // bytes

static struct {
    int kind;  // NONE until main begins
    size_t at; // kinds[at], for CALL
    int error;
    int signal;  // sent instead of an error; 0: none
    bool partly; // half the bytes are moved; with a signal, those up to the next page
    unsigned long n;
    bool from_n_on, abort;
    bool over; // main has returned: what gcov writes is not the program's
    struct fault_report *report;
} fault;

static struct fault_report own_report;

/* Count a call; does it fail? */
static bool strikes(void)
{
    uint64_t i;

    if (fault.over)
        return false;
    i = __atomic_add_fetch(&fault.report->calls, 1, __ATOMIC_RELAXED);

    if (!fault.n || (fault.from_n_on ? i < fault.n : i != fault.n))
        return false;
    __atomic_store_n(&fault.report->fired, 1, __ATOMIC_RELAXED);
    if (fault.abort)
        abort();
    return true;
}

/* ------------------------------------------------------------- crashes */

static struct sigaction former[2];

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The innermost caller that is neither the C library, a sanitizer nor this. */
static void on_crash(int sig, siginfo_t *info, void *context)
{
    static const char *const aside[] = {"libc.so", "libasan", "libubsan", "fault.so"};
    void *at[32];
    int n = backtrace(at, COUNT(at));
    Dl_info where;

    (void)info;
    (void)context;
    for (int i = 0; i < n && !*fault.report->crash; i++) {
        bool skip = !dladdr(at[i], &where);

        for (size_t k = 0; !skip && k < COUNT(aside); k++)
            skip = strncmp(base_name(where.dli_fname), aside[k], strlen(aside[k])) == 0;
        if (!skip)
            snprintf(fault.report->crash, sizeof fault.report->crash, "%s",
                     base_name(where.dli_fname));
    }
    sigaction(sig, &former[sig == SIGABRT], NULL); // comes again, to the sanitizer or the kernel
    if (sig == SIGABRT)
        raise(sig);
}

static void watch_crashes(void)
{
    struct sigaction act = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO};
    void *at[1];

    backtrace(at, 1); // loads what it needs
    sigaction(SIGSEGV, &act, &former[0]);
    sigaction(SIGABRT, &act, &former[1]);
}

/* ------------------------------------------------------- system calls */

struct span {
    uintptr_t inside, begin, end;
};

static int find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct span *s = arg;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        uintptr_t end = begin + info->dlpi_phdr[i].p_memsz;

        if (info->dlpi_phdr[i].p_type == PT_LOAD && s->inside >= begin && s->inside < end) {
            s->begin = begin;
            s->end = end;
            return 1;
        }
    }
    return 0;
}

static long plain_call(long nr, const long *a)
{
#if defined __x86_64__
    register long r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
#elif defined __aarch64__
    register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a[0], x1 __asm__("x1") = a[1],
                     x2 __asm__("x2") = a[2], x3 __asm__("x3") = a[3], x4 __asm__("x4") = a[4],
                     x5 __asm__("x5") = a[5];

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "system calls of this machine are not known here"
#endif
}

static void send_signal(void)
{
    if (fault.signal)
        plain_call(__NR_kill, (long[6]){getpid(), fault.signal});
}

/* Bytes of a call that are moved before it is cut off. */
static long part_of(long nr, const long *a)
{
    long most = a[2], at;

    if (nr == __NR_readv || nr == __NR_writev)
        return 1;
    if (!fault.signal)
        return most < 2 ? most : most / 2;
    at = nr == __NR_pwrite64 ? a[3] : plain_call(__NR_lseek, (long[6]){a[0], 0, SEEK_CUR});
    return at < 0 || most < PAGE - at % PAGE ? most : PAGE - at % PAGE;
}

static long faulty_call(long nr, long *a)
{
    long ret;

    if ((nr == __NR_write || nr == __NR_pwrite64 || nr == __NR_writev) && a[0] == STDERR_FILENO)
        return plain_call(nr, a);
    if (!strikes())
        return plain_call(nr, a);
    if (fault.partly) {
        a[2] = part_of(nr, a);
        ret = plain_call(nr, a);
        send_signal();
        return ret;
    }
    if (fault.signal) {
        send_signal();
        return plain_call(nr, a);
    }
    if (nr == __NR_close)
        plain_call(nr, a);
    return -fault.error;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

    (void)sig;
#if defined __x86_64__
    long a[6] = {m->gregs[REG_RDI], m->gregs[REG_RSI], m->gregs[REG_RDX],
                 m->gregs[REG_R10], m->gregs[REG_R8],  m->gregs[REG_R9]};

    m->gregs[REG_RAX] = faulty_call(info->si_syscall, a);
#else
    long a[6];

    for (int i = 0; i < 6; i++)
        a[i] = (long)m->regs[i];
    m->regs[0] = (unsigned long)faulty_call(info->si_syscall, a);
#endif
}

/* Trap the calls of kinds[fault.at] that come from the text of the C library. */
static int set_trap(void)
{
    struct span libc = {.inside = (uintptr_t)dlsym(RTLD_DEFAULT, "gnu_get_libc_version")};
    struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
    int n = kinds[fault.at].n, k = 0;
    struct sock_filter f[16];
    struct sock_fprog program = {.filter = f};

    if (!dl_iterate_phdr(find_text, &libc) || sigaction(SIGSYS, &act, NULL))
        return -1;
    f[k++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < n; i++) // a hit jumps over the other numbers and the return
        f[k++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                              (uint32_t)kinds[fault.at].call[i], n - i, 0);
    f[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    /*
     * Addresses have 64 bits, the filter computes with 32: offset from the begin in the lower
     * half, and an upper half that is that of the begin or, past a border, the next.
     */
    f[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, instruction_pointer));
    f[k++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, (uint32_t)libc.begin);
    f[k++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
                                          (uint32_t)(libc.end - libc.begin), 4, 0);
    f[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, instruction_pointer) + 4);
    f[k++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(libc.begin >> 32), 1, 0);
    f[k++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(libc.end >> 32), 0, 1);
    f[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    f[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = (unsigned short)k;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* --------------------------------------------------------- allocations */

/* Looked up when first called: the loader's own calls come before any constructor. */
#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* Off in a thread until its function begins: the sanitizers allocate before. */
static __thread bool counting;

static bool refuse(void)
{
    bool bad;

    if (fault.kind != MALLOC || !counting)
        return false;
    counting = false; // what abort() allocates must not come back here
    bad = strikes();
    counting = true;
    if (bad)
        errno = ENOMEM;
    return bad;
}

EXPORT void *malloc(size_t n)
{
    static __typeof__(&malloc) real;

    if (!real)
        real = REAL(malloc);
    return refuse() ? NULL : real(n);
}

EXPORT void *calloc(size_t n, size_t size)
{
    static __typeof__(&calloc) real;

    if (!real)
        real = REAL(calloc);
    return refuse() ? NULL : real(n, size);
}

EXPORT void *realloc(void *p, size_t n)
{
    static __typeof__(&realloc) real;

    if (!real)
        real = REAL(realloc);
    return refuse() ? NULL : real(p, n);
}

EXPORT int posix_memalign(void **p, size_t align, size_t n)
{
    return refuse() ? ENOMEM : REAL(posix_memalign)(p, align, n);
}

EXPORT void *aligned_alloc(size_t align, size_t n)
{
    return refuse() ? NULL : REAL(aligned_alloc)(align, n);
}

/* AddressSanitizer's own copies of these do not come by malloc. */
EXPORT char *strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = malloc(n);

    return p ? memcpy(p, s, n) : NULL;
}

EXPORT char *strndup(const char *s, size_t most)
{
    size_t n = strnlen(s, most);
    char *p = malloc(n + 1);

    if (!p)
        return NULL;
    p[n] = '\0';
    return memcpy(p, s, n);
}

struct start {
    void *(*f)(void *);
    void *arg;
};

static void *begin_thread(void *arg)
{
    struct start s = *(struct start *)arg;

    free(arg);
    counting = true;
    return s.f(s.arg);
}

EXPORT int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*f)(void *), void *arg)
{
    struct start *s;
    int bad;

    if (fault.kind == THREAD && strikes())
        return fault.error;
    if (!(s = REAL(malloc)(sizeof *s)))
        return EAGAIN;
    *s = (struct start){f, arg};
    bad = REAL(pthread_create)(t, attr, begin_thread, s);
    if (bad)
        free(s);
    return bad;
}

/* --------------------------------------------------------------- start */

static bool parse_how(const char *how)
{
    fault.partly = !strcmp(how, "short") || !strcmp(how, "torn");
    for (size_t i = 0; i < COUNT(errors); i++)
        if (!strcmp(how, errors[i].name))
            fault.error = errors[i].value;
    for (size_t i = 0; i < COUNT(signals); i++)
        if (!strcmp(how, signals[i].name))
            fault.signal = signals[i].value;
    return fault.partly || fault.error || fault.signal;
}

static int parse(char *text)
{
    char *kind = strtok(text, ":"), *n = strtok(NULL, ":"), *how = strtok(NULL, ":");
    char *fd = strtok(NULL, ":"), *plus = how ? strchr(how, '+') : NULL;
    int found = NONE;

    if (!how)
        return NONE;
    if (plus)
        *plus = '\0';
    fault.from_n_on = plus != NULL;
    fault.n = strtoul(n, NULL, 10);
    fault.report = &own_report;
    if (fd)
        fault.report =
            mmap(NULL, sizeof own_report, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(fd), 0);
    if (fault.report == MAP_FAILED || !parse_how(how))
        return NONE;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (!strcmp(kind, kinds[i].name)) {
            found = CALL;
            fault.at = i;
        }
    if (!strcmp(kind, "malloc") || !strcmp(kind, "thread"))
        found = *kind == 'm' ? MALLOC : THREAD;
    if (fault.partly && strcmp(kind, "read") && strcmp(kind, "write"))
        return NONE;
    return found == CALL || fault.error ? found : NONE;
}

static int (*real_main)(int, char **, char **);

/* The environment is cleared so that programs started from here are left alone. */
static int main_with_fault(int argc, char **argv, char **envp)
{
    const char *text = getenv("FAULT");
    static char copy[100];
    int kind = NONE, status;

    if (text) {
        snprintf(copy, sizeof copy, "%s", text);
        fault.abort = getenv("FAULT_ABORT") != NULL;
        watch_crashes();
        kind = parse(copy);
        if (kind == NONE || (kind == CALL && set_trap())) {
            fprintf(stderr, "fault.so: %s: %s\n", text,
                    kind == NONE ? "not understood" : strerror(errno));
            _exit(125);
        }
    }
    unsetenv("FAULT");
    unsetenv("LD_PRELOAD");
    fault.kind = kind;
    counting = true;
    status = real_main(argc, argv, envp);
    fault.over = true;
    return status;
}

EXPORT int __libc_start_main(int (*f)(int, char **, char **), int argc, char **argv,
                             void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                             void *stack_end);

int __libc_start_main(int (*f)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    real_main = f;
    return REAL(__libc_start_main)(main_with_fault, argc, argv, init, fini, rtld_fini, stack_end);
}
