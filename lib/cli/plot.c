/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/plot.h"

#include "base/natural.h"
#include "base/outfile.h"
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Source: Okabe and Ito, "Color universal design" (2008); yellow darkened, black first. */
const char *const af_plot_colors[AF_PLOT_NCOLORS] = {"#000000", "#0072b2", "#d55e00", "#009e73",
                                                     "#cc79a7", "#e69f00", "#56b4e9", "#a09000"};

int af_plot_open(struct af_plot *p, const char *path, int w, int h, struct af_err *err)
{
    *p = (struct af_plot){.path = path, .svg = af_name_ends_in(path, ".svg")};
    if (!p->svg && !af_name_ends_in(path, ".png")) {
        *p = (struct af_plot){0};
        return af_fail(err, AF_EUSAGE, "%s: a plot is named .png or .svg", path);
    }
    p->script = tmpfile();
    if (!p->script) {
        *p = (struct af_plot){0};
        return af_fail_errno(err, "%s: temporary file", path);
    }
    fprintf(p->script,
            "set encoding utf8\nset terminal %s size %d,%d noenhanced font 'sans,%d' background "
            "'#ffffff'\n",
            p->svg ? "svg" : "pngcairo", w, h, p->svg ? 12 : 10);
    for (int i = 0; i < AF_PLOT_NCOLORS; i++)
        fprintf(p->script, "set linetype %d linecolor rgb '%s'\n", i + 1, af_plot_colors[i]);
    fprintf(p->script, "set linetype cycle %d\n", AF_PLOT_NCOLORS);
    return 0;
}

void af_plot_discard(struct af_plot *p)
{
    if (p->script)
        fclose(p->script);
    *p = (struct af_plot){0};
}

void af_plot_quote(FILE *script, const char *text)
{
    fputc('\'', script);
    for (; *text; text++) {
        if (*text == '\'')
            fputc('\'', script);
        fputc((unsigned char)*text < ' ' ? '?' : *text, script);
    }
    fputc('\'', script);
}

/* gnuplot with the three files as its standard streams: 0, or an errno. *status is as of waitpid.
 */
static int run_gnuplot(FILE *in, FILE *out, FILE *errors, int *status)
{
    char name[] = "gnuplot", defaults[] = "-d", from_stdin[] = "-"; // -d: not the user's settings
    char *const argv[] = {name, defaults, from_stdin, NULL};
    posix_spawn_file_actions_t act;
    pid_t pid;
    int why = posix_spawn_file_actions_init(&act);

    if (why)
        return why;
    if (!(why = posix_spawn_file_actions_adddup2(&act, fileno(in), 0)) &&
        !(why = posix_spawn_file_actions_adddup2(&act, fileno(out), 1)) &&
        !(why = posix_spawn_file_actions_adddup2(&act, fileno(errors), 2)))
        why = posix_spawnp(&pid, argv[0], &act, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&act);
    while (!why && waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            why = errno;
    return why;
}

/* A picture that gnuplot could write to its end. */
static bool is_whole(FILE *picture, bool svg)
{
    static const char png_end[] = "IEND\xae\x42\x60\x82";
    char tail[64] = {0};
    const char *end = svg ? "</svg>" : png_end;
    size_t n, length = svg ? 6 : 8;

    if (fseek(picture, 0, SEEK_END) || ftell(picture) < (long)sizeof tail ||
        fseek(picture, -(long)sizeof tail, SEEK_END))
        return false;
    n = fread(tail, 1, sizeof tail, picture);
    while (n > length && tail[n - 1] == '\n')
        n--;
    return n >= length && !memcmp(tail + n - length, end, length);
}

static int copy(FILE *from, const char *path, struct af_err *err)
{
    struct af_outfile out = {0};
    char buffer[8192];
    size_t n;

    rewind(from);
    if (af_outfile_open(&out, path, err))
        return -1;
    while ((n = fread(buffer, 1, sizeof buffer, from)) > 0)
        fwrite(buffer, 1, n, out.fp); // commit looks at ferror
    if (ferror(from)) {
        af_outfile_discard(&out);
        return af_fail(err, AF_ESYS, "%s: the temporary picture cannot be read", path);
    }
    return af_outfile_commit(&out, err);
}

/* The first line that gnuplot wrote on its stderr and that says something. */
static void first_words(FILE *errors, char *line, int size)
{
    line[0] = '\0';
    rewind(errors);
    while (fgets(line, size, errors)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " \t^")])
            return;
    }
}

int af_plot_commit(struct af_plot *p, struct af_err *err)
{
    FILE *picture = tmpfile(), *errors = tmpfile();
    char words[200];
    int status = 0, why, ret = -1;

    if (!picture || !errors || fflush(p->script) || ferror(p->script) ||
        fseek(p->script, 0, SEEK_SET)) {
        af_fail_errno(err, "%s: temporary file", p->path);
        goto done;
    }
    why = run_gnuplot(p->script, picture, errors, &status);
    if (why == ENOENT || (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
        af_fail(err, AF_ESYS, "%s: a plot needs gnuplot, which is not installed", p->path);
    } else if (why) {
        errno = why;
        af_fail_errno(err, "%s: gnuplot", p->path);
    } else if (status || !is_whole(picture, p->svg)) {
        first_words(errors, words, sizeof words);
        af_fail(err, AF_ESYS, "%s: gnuplot failed: %s", p->path,
                words[0] ? words : "the picture is not whole");
    } else {
        ret = copy(picture, p->path, err);
    }
done:
    if (errors)
        fclose(errors);
    if (picture)
        fclose(picture);
    af_plot_discard(p);
    return ret;
}
