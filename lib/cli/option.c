/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/option.h"
#include "base/err.h"
#include "base/number.h"
#include "cli/cli.h"

#include <assert.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTIONS_MAX = 64, LONG_ONLY = 256, WIDTH = 79, LEFT_MAX = 28 };

static bool takes_argument(const struct af_option *o)
{
    return o->kind > AF_OPT_COUNT && (o->kind != AF_OPT_ACTION || o->arg);
}

/* ---- help ---- */

/* Print s word by word, broken before WIDTH; lines begin at `indent`, col is where we are. */
static void put_wrapped(const char *s, int indent, int col)
{
    while (*s) {
        int n = (int)strcspn(s, " ");

        if (col > indent && col + 1 + n > WIDTH) {
            printf("\n%*s", indent, "");
            col = indent;
        } else if (col > indent) {
            putchar(' ');
            col++;
        }
        printf("%.*s", n, s);
        col += n;
        s += n + strspn(s + n, " ");
    }
    putchar('\n');
}

/* "  -o, --output=FILE"; returns its length. */
static int left_side(const struct af_option *o, char *s, size_t cap)
{
    const char *arg = o->arg ? o->arg : o->kind == AF_OPT_CHOICE ? o->values : "ARG";
    int n = o->letter ? snprintf(s, cap, "  -%c, --%s", o->letter, o->name)
                      : snprintf(s, cap, "      --%s", o->name);

    if (takes_argument(o))
        n += snprintf(s + n, cap - (size_t)n, "=%s", arg);
    assert((size_t)n < cap);
    return n;
}

static void print_help(const struct af_tool *tool)
{
    char left[80];
    int column = 0, n;

    for (const struct af_option *o = tool->options; o->name; o++) {
        n = o->help ? left_side(o, left, sizeof(left)) : 0;
        if (n > column && n <= LEFT_MAX)
            column = n;
    }
    column += 2;
    printf("Usage: %s [OPTION]...%s%s\n", tool->name, *tool->operands ? " " : "", tool->operands);
    put_wrapped(tool->summary, 0, 0);
    putchar('\n');
    for (const struct af_option *o = tool->options; o->name; o++) {
        if (!o->help)
            continue;
        n = left_side(o, left, sizeof(left));
        printf("%s", left);
        if (n > LEFT_MAX) {
            putchar('\n');
            n = 0;
        }
        printf("%*s", column - n, "");
        put_wrapped(o->help, column, column);
    }
    printf("\nSee man %s.\n", tool->name);
}

/* ---- completion ---- */

/* Name of the shell function: the tool's with _ for what a name must not hold. */
static void put_function(const struct af_tool *tool)
{
    putchar('_');
    for (const char *s = tool->name; *s; s++)
        putchar(*s == '-' || *s == '.' ? '_' : *s);
}

/* "y|x|both" as "y x both" */
static void put_words(const char *values)
{
    for (; *values; values++)
        putchar(*values == '|' ? ' ' : *values);
}

static void put_case(const struct af_option *o)
{
    printf("    ");
    if (o->letter)
        printf("-%c|", o->letter);
    printf("--%s) ", o->name);
}

void af_cli_complete_bash(const struct af_tool *tool)
{
    const struct af_option *o;

    put_function(tool);
    printf("()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=\n"
           "    ((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    # bash makes the = of --name=value a word of its own\n"
           "    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    [[ $cur == = ]] && cur=\n"
           "    COMPREPLY=()\n"
           "    case $prev in\n");
    for (o = tool->options; o->name; o++) {
        if (!takes_argument(o))
            continue;
        put_case(o);
        if (o->values && o->kind != AF_OPT_FILE) {
            printf("COMPREPLY=($(compgen -W '");
            put_words(o->values);
            printf("' -- \"$cur\")); return ;;\n");
        } else if (o->kind == AF_OPT_FILE) {
            printf("return ;;\n");
        } else {
            printf("compopt +o default 2>/dev/null; return ;;\n");
        }
    }
    printf("    esac\n");
    if (!*tool->operands)
        printf("    compopt +o default 2>/dev/null\n");
    printf("    [[ $cur == -* ]] && COMPREPLY=($(compgen -W '");
    for (o = tool->options; o->name; o++)
        if (o->help)
            printf("--%s ", o->name);
    printf("' -- \"$cur\"))\n}\n"
           "complete -o default -F ");
    put_function(tool);
    printf(" %s\n", tool->name);
}

/* Text inside '...[...]' of zsh's _arguments. */
static void put_zsh_text(const char *s)
{
    for (; *s; s++) {
        if (*s == '\'')
            printf("'\\'");
        else if (strchr("[]:\\", *s))
            putchar('\\');
        putchar(*s);
    }
}

void af_cli_complete_zsh(const struct af_tool *tool)
{
    printf("#compdef %s\n_arguments -s -S", tool->name);
    for (const struct af_option *o = tool->options; o->name; o++) {
        const char *more = o->kind == AF_OPT_COUNT || o->kind == AF_OPT_LIST ? "*" : "";

        if (!o->help)
            continue;
        if (o->letter)
            printf(" \\\n    %s{-%c%s,--%s%s}'[", *more ? "'*'" : "", o->letter,
                   takes_argument(o) ? "+" : "", o->name, takes_argument(o) ? "=" : "");
        else
            printf(" \\\n    '%s--%s%s[", more, o->name, takes_argument(o) ? "=" : "");
        put_zsh_text(o->help);
        putchar(']');
        if (takes_argument(o)) {
            putchar(':');
            put_zsh_text(o->arg ? o->arg : "value");
            putchar(':');
            if (o->kind == AF_OPT_FILE)
                printf("_files");
            if (o->values && o->kind != AF_OPT_FILE) {
                putchar('(');
                put_words(o->values);
                putchar(')');
            }
        }
        putchar('\'');
    }
    printf("%s\n", *tool->operands ? " \\\n    '*:operand:_files'" : "");
}

/* ---- parsing ---- */

int af_cli_usage(const struct af_tool *tool, const char *fmt, ...)
{
    struct af_err err;
    char text[sizeof(err.text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    af_fail(&err, AF_EUSAGE, "%s", text); // for its cleaning of control characters
    fprintf(stderr, "%s: %s\nTry '%s --help'.\n", tool->name, err.text, tool->name);
    return 2;
}

/* Index of `arg` in "y|x|both", or -1. */
static int find_choice(const char *values, const char *arg)
{
    size_t n = strlen(arg), len;

    for (int i = 0;; i++) {
        len = strcspn(values, "|");
        if (len == n && !memcmp(values, arg, n))
            return i;
        if (!values[len])
            return -1;
        values += len + 1;
    }
}

static int out_of_range(const struct af_tool *tool, const struct af_option *o, const char *arg)
{
    const char *unit = o->kind == AF_OPT_LENGTH ? "um" : o->kind == AF_OPT_TIME ? "ms" : "";

    if (isinf(o->max))
        return af_cli_usage(tool, "--%s: '%s' is below %.10g%s", o->name, arg, o->min, unit);
    if (isinf(o->min))
        return af_cli_usage(tool, "--%s: '%s' is above %.10g%s", o->name, arg, o->max, unit);
    return af_cli_usage(tool, "--%s: '%s' is not in %.10g%s to %.10g%s", o->name, arg, o->min, unit,
                        o->max, unit);
}

static int parse_number(const struct af_tool *tool, const struct af_option *o, const char *arg,
                        void *place)
{
    struct af_err err = {0};
    double v = 0;
    int64_t i = 0;
    int bad;

    switch (o->kind) {
    case AF_OPT_INT: bad = af_parse_int(arg, &i, &err); v = (double)i; break;
    case AF_OPT_LENGTH: bad = af_parse_length_um(arg, &v, &err); break;
    case AF_OPT_TIME: bad = af_parse_time_ms(arg, &v, &err); break;
    default: bad = af_parse_real(arg, &v, &err);
    }
    if (bad)
        return af_cli_usage(tool, "--%s: %s", o->name, err.text);
    if ((o->min != 0 || o->max != 0) && !(v >= o->min && v <= o->max))
        return out_of_range(tool, o, arg);
    if (o->kind == AF_OPT_INT)
        *(int64_t *)place = i;
    else
        *(double *)place = v;
    return -1;
}

static int act(const struct af_tool *tool, const struct af_option *o, const char *arg)
{
    if (!strcmp(o->name, "help")) {
        print_help(tool);
    } else if (!strcmp(o->name, "version")) {
        printf("%s (aftools) %s\nLicence BSD-2-Clause. There is no warranty.\n", tool->name,
               AF_VERSION);
    } else {
        switch (find_choice(o->values, arg)) {
        case 0: af_cli_complete_bash(tool); break;
        case 1: af_cli_complete_zsh(tool); break;
        default: return af_cli_usage(tool, "--%s: '%s' is none of %s", o->name, arg, o->values);
        }
    }
    return 0;
}

static int take_text(const struct af_tool *tool, const struct af_option *o, const char *arg,
                     struct af_optlist *list)
{
    if (list->n == AF_OPTLIST_MAX)
        return af_cli_usage(tool, "--%s: more than %d", o->name, AF_OPTLIST_MAX);
    list->text[list->n++] = arg;
    return -1;
}

static int take_file(const struct af_tool *tool, const struct af_option *o, const char *arg,
                     const char **place)
{
    const char *dot = strrchr(arg, '.');

    if (!*arg)
        return af_cli_usage(tool, "--%s: the file name is empty", o->name);
    if (o->values && (!dot || dot == arg || find_choice(o->values, dot) < 0))
        return af_cli_usage(tool, "--%s: '%s' ends in none of %s", o->name, arg, o->values);
    *place = arg;
    return -1;
}

/* Take one option into opts: -1, or the status to end with. */
static int take(const struct af_tool *tool, const struct af_option *o, const char *arg, void *opts)
{
    void *place = (char *)opts + o->place;
    int choice;

    switch (o->kind) {
    case AF_OPT_FLAG: *(bool *)place = true; return -1;
    case AF_OPT_COUNT: ++*(int *)place; return -1;
    case AF_OPT_FILE: return take_file(tool, o, arg, place);
    case AF_OPT_TEXT: *(const char **)place = arg; return -1;
    case AF_OPT_LIST: return take_text(tool, o, arg, place);
    case AF_OPT_CHOICE:
        if ((choice = find_choice(o->values, arg)) < 0)
            return af_cli_usage(tool, "--%s: '%s' is none of %s", o->name, arg, o->values);
        *(int *)place = choice;
        return -1;
    case AF_OPT_ACTION: return act(tool, o, arg);
    default: return parse_number(tool, o, arg, place);
    }
}

/* What getopt_long wants. */
static void fill_getopt(const struct af_tool *tool, struct option *longs, char *shorts)
{
    int n = 0;

    for (const struct af_option *o = tool->options; o->name; o++, n++) {
        assert(n < OPTIONS_MAX);
        longs[n] = (struct option){o->name, takes_argument(o) ? required_argument : no_argument,
                                   NULL, o->letter ? o->letter : LONG_ONLY + n};
        if (o->letter)
            *shorts++ = (char)o->letter;
        if (o->letter && takes_argument(o))
            *shorts++ = ':';
    }
    longs[n] = (struct option){NULL, 0, NULL, 0};
    *shorts = '\0';
}

static const struct af_option *find_option(const struct af_tool *tool, int code)
{
    const struct af_option *o = tool->options;

    if (code >= LONG_ONLY)
        return o + (code - LONG_ONLY);
    while (o->letter != code)
        o++;
    return o;
}

/*
 * What every tool wants of its process: a limit on file sizes shall be EFBIG
 * with a message, not a death, and a file we open must not become the
 * standard output that our caller has closed.
 */
static void prepare_process(void)
{
    signal(SIGXFSZ, SIG_IGN);
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

int af_cli_parse(const struct af_tool *tool, int argc, char **argv, void *opts, int *operand)
{
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 1];
    int code, status = -1;

    prepare_process();
    if (argc > 0)
        argv[0] = (char *)tool->name;
    fill_getopt(tool, longs, shorts);
#ifdef __APPLE__
    optreset = 1;
    optind = 1;
#else
    optind = 0; // start anew: glibc and musl
#endif
    while (status < 0 && (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (code == '?') {
            fprintf(stderr, "Try '%s --help'.\n", tool->name);
            status = 2;
        } else {
            status = take(tool, find_option(tool, code), optarg, opts);
        }
    }
    *operand = optind;
    if (status < 0 && !*tool->operands && optind < argc)
        return af_cli_usage(tool, "unexpected operand '%s'", argv[optind]);
    if (status == 0 && (fflush(stdout) || ferror(stdout))) {
        struct af_err err;

        af_fail_errno(&err, "standard output");
        return af_cli_fail(tool->name, &err);
    }
    return status;
}

const char *const *af_cli_operands(int argc, char **argv, int operand, size_t *n)
{
    static const char *const from_stdin[] = {"-"};

    *n = operand < argc ? (size_t)(argc - operand) : 1;
    return operand < argc ? (const char *const *)argv + operand : from_stdin;
}
