/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program again and again, each time with another call failed by fault.so, until a run
 * gets past the last one, and checks each run.
 *
 *   inturn [-b] [-c LIB] [-C CHECK] [-i FILE] [-j JOBS] [-o FILE [-O]] [-s STATUS] KIND:HOW
 *          PROGRAM [ARGUMENT]...
 *
 * -c LIB   crashes in the code of that library are counted, and not held against the program
 * -C CHECK  what the program makes is never the same twice: instead of comparing, `sh CHECK
 *          STATUS`, stdout as its input, says what is wrong and removes the files
 * -i FILE  goes to the program's stdin through a pipe (at most 60 KiB)
 * -j JOBS  runs at a time; each works in a folder of its own, w0, w1, ..., in the current one
 * -o FILE  the program writes it; -O: it replaces an older one
 * -s N     its status without fault [0]
 * -b       several inputs: each may be complained of
 *
 * A run is right when it ends
 *   - with status 0 (-s), nothing on stderr, stdout and FILE as without fault; or
 *   - with status 1, one line on stderr that begins with the program's name, stdout cut short
 *     at most (-b: some of its lines), and FILE absent, as it was, or complete;
 * and in either case no other file is left behind. Prints a line with the counts, before it one
 * for each of the first wrong runs. Status 0: all right; 1: a run was wrong, or there is no such
 * call; 77: cannot be tried here.
 */
#define _GNU_SOURCE // memfd_create
#include "../fault/fault.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMEOUT_S = 60, SHOWN = 10, CANNOT = 125, SKIPPED = 77 };

static const char old_text[] = "what was there before\n";

struct bytes {
    char *at;
    size_t n;
};

struct outcome {
    int status; // of waitpid
    bool fired;
    uint64_t calls;
    char crash[64];              // where it crashed
    struct bytes out, err, file; // file.at NULL: absent
};

struct task {
    const char *fault, *input, *file, *weak, *check;
    bool replaces, batch;
    char **argv;
    int jobs, status;
    int report_fd;
    struct fault_report *report;
    struct outcome good;
};

struct tally {
    unsigned long calls, failed, harmless, weak, wrong;
};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static struct bytes slurp(int fd)
{
    struct bytes b = {NULL, 0};
    struct stat st;

    if (fstat(fd, &st) || !(b.at = malloc((size_t)st.st_size + 1)))
        die("inturn: output");
    if (pread(fd, b.at, (size_t)st.st_size, 0) != st.st_size)
        die("inturn: output");
    b.n = (size_t)st.st_size;
    b.at[b.n] = '\0';
    return b;
}

static struct bytes slurp_path(const char *path)
{
    struct bytes b = {NULL, 0};
    int fd = path ? open(path, O_RDONLY) : -1;

    if (fd >= 0) {
        b = slurp(fd);
        close(fd);
    }
    return b;
}

static bool equal(struct bytes a, struct bytes b)
{
    return !a.at == !b.at && a.n == b.n && (!a.at || memcmp(a.at, b.at, a.n) == 0);
}

/* The read end of a pipe that holds all of the file. */
static int pipe_with(const char *path)
{
    struct bytes b = slurp_path(path);
    int end[2];

    if (!b.at || b.n > 60 << 10 || pipe(end) || write(end[1], b.at, b.n) != (ssize_t)b.n)
        die(path);
    close(end[1]);
    free(b.at);
    return end[0];
}

static void become(const struct task *t, unsigned long n, int out, int err)
{
    const char *build = getenv("BUILD");
    char fault[100], so[4096];
    int in = t->input ? pipe_with(t->input) : open("/dev/null", O_RDONLY);

    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    close(in);
    snprintf(fault, sizeof fault, "%.*s:%lu:%s:%d", (int)strcspn(t->fault, ":"), t->fault, n,
             strchr(t->fault, ':') + 1, t->report_fd);
    snprintf(so, sizeof so, "%s/fault.so", build ? build : "build");
    setenv("FAULT", fault, 1);
    setenv("LD_PRELOAD", so, 1);
    signal(SIGPIPE, SIG_DFL);
    alarm(TIMEOUT_S); // outlives exec
    execvp(t->argv[0], t->argv);
    _exit(126);
}

static struct outcome run_once(const struct task *t, unsigned long n)
{
    struct outcome o = {0};
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), fd;
    pid_t pid;

    if (t->file)
        unlink(t->file);
    if (t->file && t->replaces) {
        if ((fd = open(t->file, O_WRONLY | O_CREAT, 0666)) < 0 ||
            write(fd, old_text, sizeof old_text - 1) < 0 || close(fd))
            die(t->file);
    }
    *t->report = (struct fault_report){0};
    if ((pid = fork()) == 0)
        become(t, n, out, err);
    if (pid < 0 || waitpid(pid, &o.status, 0) != pid)
        die("inturn: fork");
    o.fired = t->report->fired;
    o.calls = t->report->calls;
    memcpy(o.crash, t->report->crash, sizeof o.crash);
    o.out = slurp(out);
    o.err = slurp(err);
    o.file = slurp_path(t->file);
    close(out);
    close(err);
    return o;
}

static void outcome_release(struct outcome *o)
{
    free(o->out.at);
    free(o->err.at);
    free(o->file.at);
}

/* ---------------------------------------------------------- judgement */

/* A file that should not be there, by name, and remove it. */
static const char *litter(const struct task *t)
{
    static char name[256];
    DIR *dir = opendir(".");
    struct dirent *e;

    *name = '\0';
    while (dir && (e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            (t->file && !strcmp(e->d_name, t->file)))
            continue;
        snprintf(name, sizeof name, "%s", e->d_name);
        unlink(name);
    }
    if (dir)
        closedir(dir);
    return *name ? name : NULL;
}

/* What libxml2 prints by itself where a thread's first use of it finds no memory. */
static const char libxml_says[] = "xmlGetGlobalState: out of memory\n";

/* Lines of stderr, all of the form `prog: text` but for that one; -1 where one is not. */
static int count_messages(const struct task *t, const struct outcome *o)
{
    const char *slash = strrchr(t->argv[0], '/'), *prog = slash ? slash + 1 : t->argv[0];
    size_t n = strlen(prog);
    int lines = 0;

    for (const char *s = o->err.at, *end; *s; s = end + 1) {
        if (!(end = strchr(s, '\n')))
            return -1;
        if (!strncmp(s, libxml_says, sizeof libxml_says - 1))
            continue;
        if (strncmp(s, prog, n) || strncmp(s + n, ": ", 2) || end - s < (long)n + 4)
            return -1;
        lines++;
    }
    return lines;
}

/* Is each whole line of a also one of b? */
static bool lines_of(struct bytes a, struct bytes b)
{
    const char *end;

    for (const char *s = a.at; (end = memchr(s, '\n', (size_t)(a.at + a.n - s))); s = end + 1)
        if (!memmem(b.at, b.n, s, (size_t)(end - s + 1)))
            return false;
    return true;
}

/* What CHECK says of a run, or NULL. */
static const char *ask_check(const struct task *t, const struct outcome *o)
{
    static char text[300];
    char command[200];
    struct bytes said;
    FILE *in;
    int status;

    snprintf(command, sizeof command, "sh %s %d > said", t->check, WEXITSTATUS(o->status));
    if (!(in = popen(command, "w")))
        die(command);
    setvbuf(in, NULL, _IONBF, 0); // what a check does not read is no error of the closing
    fwrite(o->out.at, 1, o->out.n, in);
    status = pclose(in);
    said = slurp_path("said");
    unlink("said");
    if (status)
        snprintf(text, sizeof text, "the check ended with status %d", status);
    else
        snprintf(text, sizeof text, "%.*s", (int)strcspn(said.at, "\n"), said.at);
    free(said.at);
    return *text ? text : NULL;
}

/* What is wrong with a run, or NULL. */
static const char *judge(const struct task *t, const struct outcome *o)
{
    int messages = count_messages(t, o);
    struct bytes old = {t->replaces ? (char *)old_text : NULL,
                        t->replaces ? sizeof old_text - 1 : 0};
    static char text[300];
    const char *bad = t->check && WIFEXITED(o->status) ? ask_check(t, o) : NULL, *left = litter(t);

    if (bad)
        return bad;
    if (left) {
        snprintf(text, sizeof text, "left %s behind", left);
        return text;
    }
    if (WIFSIGNALED(o->status)) {
        snprintf(text, sizeof text, "ended by signal %d in %s", WTERMSIG(o->status), o->crash);
        return text;
    }
    if (WEXITSTATUS(o->status) == t->status) {
        if (o->err.n)
            return "went on with a message";
        if (t->check)
            return NULL;
        if (!equal(o->out, t->good.out))
            return "went on to other output";
        return equal(o->file, t->good.file) ? NULL : "went on to another file";
    }
    if (WEXITSTATUS(o->status) != 1) {
        snprintf(text, sizeof text, "status %d", WEXITSTATUS(o->status));
        return text;
    }
    if (messages < 1)
        return "no message";
    if (messages > 1 && !t->batch)
        return "more than one message";
    if (t->check)
        return NULL;
    if (t->batch ? !lines_of(o->out, t->good.out)
                 : o->out.n > t->good.out.n || memcmp(o->out.at, t->good.out.at, o->out.n))
        return "status 1 and other output";
    if (t->file && !equal(o->file, old) && !equal(o->file, t->good.file))
        return "half a file";
    return NULL;
}

static void show(unsigned long n, const char *wrong, const struct outcome *o)
{
    printf("n = %lu: %s", n, wrong);
    for (const char *s = o->err.at, *end; *s; s = end) {
        end = s + strcspn(s, "\n");
        printf("\n    %.*s", (int)(end - s), s);
        end += *end == '\n';
    }
    putchar('\n');
    fflush(stdout);
}

/* ---------------------------------------------------------------- runs */

/* Job `job` of t->jobs takes every t->jobs-th call; all of a job's runs are in the folder w<job>.
 */
static void work(const struct task *t, int job, struct tally *sum)
{
    const char *wrong;
    bool fired = true;

    for (unsigned long n = (unsigned long)job + 1; fired; n += (unsigned long)t->jobs) {
        struct outcome o = run_once(t, n);

        wrong = judge(t, &o);
        fired = o.fired;
        if (fired)
            sum->calls++;
        if (wrong && t->weak && strstr(o.crash, t->weak))
            sum->weak++;
        else if (wrong && sum->wrong++ < SHOWN)
            show(n, wrong, &o);
        else if (fired && WIFEXITED(o.status))
            ++*(WEXITSTATUS(o.status) != t->status ? &sum->failed : &sum->harmless);
        outcome_release(&o);
    }
}

/* Enter the folder of a job, which is made empty. */
static void enter(const struct task *t, int job)
{
    char name[20];

    snprintf(name, sizeof name, "w%d", job);
    mkdir(name, 0777);
    if (chdir(name))
        die(name);
    litter(t);
}

static void leave(const struct task *t, int job)
{
    char name[20];

    if (t->file)
        unlink(t->file);
    snprintf(name, sizeof name, "../w%d", job);
    rmdir(name);
    if (chdir(".."))
        die("..");
}

static int run_good(struct task *t)
{
    const char *wrong, *bad;

    enter(t, 0);
    t->good = run_once(t, 0);
    bad = t->check && WIFEXITED(t->good.status) ? ask_check(t, &t->good) : NULL;
    leave(t, 0);
    if (WIFEXITED(t->good.status) && WEXITSTATUS(t->good.status) == CANNOT) {
        printf("%s", t->good.err.at);
        return SKIPPED;
    }
    wrong = !WIFEXITED(t->good.status) || WEXITSTATUS(t->good.status) != t->status
                ? "fails without any fault"
            : bad            ? bad
            : t->good.err.n  ? "has something to say without any fault"
            : !t->good.calls ? "makes no such call"
                             : NULL;
    if (wrong)
        show(0, wrong, &t->good);
    return wrong ? 1 : 0;
}

static int run_all(struct task *t)
{
    struct tally *sum = mmap(NULL, sizeof *sum * (size_t)t->jobs, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct tally all = {0};
    int status;

    if (sum == MAP_FAILED)
        die("inturn: mmap");
    fflush(stdout);
    for (int job = 0; job < t->jobs; job++) {
        if (fork())
            continue;
        t->report_fd = memfd_create("report", 0);
        if (ftruncate(t->report_fd, sizeof *t->report))
            die("inturn: memfd");
        t->report =
            mmap(NULL, sizeof *t->report, PROT_READ | PROT_WRITE, MAP_SHARED, t->report_fd, 0);
        enter(t, job);
        work(t, job, &sum[job]);
        leave(t, job);
        exit(0);
    }
    for (int job = 0; job < t->jobs; job++)
        if (wait(&status) < 0 || status)
            all.wrong++;
    for (int job = 0; job < t->jobs; job++) {
        all.calls += sum[job].calls;
        all.failed += sum[job].failed;
        all.harmless += sum[job].harmless;
        all.weak += sum[job].weak;
        all.wrong += sum[job].wrong;
    }
    printf("%lu calls failed in turn: %lu runs gave up, %lu went on, ", all.calls, all.failed,
           all.harmless);
    if (t->weak)
        printf("%lu crashed in %s, ", all.weak, t->weak);
    printf("%lu wrong\n", all.wrong);
    return all.wrong || !all.calls ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct task t = {.jobs = 1};
    int c, status;

    while ((c = getopt(argc, argv, "+bc:C:i:j:o:Os:")) != -1) {
        switch (c) {
        case 'b': t.batch = true; break;
        case 'c': t.weak = optarg; break;
        case 'C': t.check = optarg; break;
        case 'i': t.input = optarg; break;
        case 'j': t.jobs = atoi(optarg); break;
        case 'o': t.file = optarg; break;
        case 'O': t.replaces = true; break;
        case 's': t.status = atoi(optarg); break;
        default: return 2;
        }
    }
    signal(SIGPIPE, SIG_IGN); // of a check that does not read
    if (argc - optind < 2 || !strchr(argv[optind], ':') || t.jobs < 1)
        return 2;
    t.fault = argv[optind];
    t.argv = argv + optind + 1;
    t.report_fd = memfd_create("report", 0);
    if (t.report_fd < 0 || ftruncate(t.report_fd, sizeof *t.report))
        die("inturn: memfd");
    t.report = mmap(NULL, sizeof *t.report, PROT_READ | PROT_WRITE, MAP_SHARED, t.report_fd, 0);
    if (t.report == MAP_FAILED)
        die("inturn: mmap");
    status = run_good(&t);
    if (!status)
        status = run_all(&t);
    outcome_release(&t.good);
    return status;
}
