/* SPDX-License-Identifier: BSD-2-Clause */
/* One table of options per tool: parsed by getopt_long, printed by --help, offered by the shell. */
#ifndef AF_CLI_OPTION_H
#define AF_CLI_OPTION_H
#include <stddef.h>

/* What an option's argument is, and with it the type of its place in the tool's struct opts. */
enum af_opt_kind {
    AF_OPT_FLAG = 1, // bool            no argument; sets true
    AF_OPT_COUNT,    // int             no argument; counts (-vv)
    AF_OPT_TEXT,     // const char *    any text
    AF_OPT_FILE,     // const char *    the name of a file (completed as one); `values`: its endings
    AF_OPT_LIST,     // struct af_optlist  any text; may be given again
    AF_OPT_CHOICE,   // int             index into `values`, "y|x|both"
    AF_OPT_INT,      // int64_t         whole number, min..max
    AF_OPT_REAL,     // double          number, min..max
    AF_OPT_LENGTH,   // double          um, min..max; `50nm`
    AF_OPT_TIME,     // double          ms, min..max; `10ms`
    AF_OPT_ACTION,   // none            --help, --version, --completion: done by the parser
};

/* The texts of an option that may be given again, in their order; borrowed from argv. */
enum { AF_OPTLIST_MAX = 32 };
struct af_optlist {
    const char *text[AF_OPTLIST_MAX];
    size_t n;
};

struct af_option {
    int letter;            // short form, 0 for none
    const char *name;      // long form
    enum af_opt_kind kind;
    size_t place;          // offsetof(struct opts, ...)
    const char *arg;       // name of the argument in --help: "FILE"; NULL for none
    const char *help;      // one line, with its "[default]"
    const char *values;    // of a choice: "y|x|both"; of a file: its endings, ".png|.svg", or NULL
    double min, max;       // range of a number; both 0: any
};

struct af_tool {
    const char *name;       // "af-label"
    const char *operands;   // "[STACK]..."; "": an operand is a usage error
    const char *summary;    // one sentence for --help and completion
    const struct af_option *options; // sorted as --help shall show them, ended by AF_OPTIONS_END
};

/*
 * Ends every table: --help, --version and the hidden --completion bash|zsh.
 * Letters mean the same in all tools: -o --output, -q --quiet, -v --verbose,
 * -h --help, -V --version, -H --no-header, -j --threads.
 */
#define AF_OPTIONS_END                                                                            \
    {'h', "help", AF_OPT_ACTION, 0, NULL, "print this help and end", NULL, 0, 0},                 \
    {'V', "version", AF_OPT_ACTION, 0, NULL, "print name and version and end", NULL, 0, 0},       \
    {0, "completion", AF_OPT_ACTION, 0, "SHELL", NULL, "bash|zsh", 0, 0},                         \
    {0, NULL, AF_OPT_ACTION, 0, NULL, NULL, NULL, 0, 0}

/*
 * Parse argv into opts (a struct the caller has filled with defaults).
 * *operand is the index of the first operand; argv is permuted so that operands come last.
 *
 * Returns -1: go on; or the status to end with: 0 after --help, --version,
 * --completion (on stdout); 2 after a usage error, already reported on
 * stderr as `af-label: --span: 'x' is not a number` and `Try 'af-label --help'.`
 * A number out of range says the range. argv[0] is set to the tool's name.
 *
 * Also readies the process: a limit on file sizes becomes EFBIG (SIGXFSZ is
 * ignored), and standard streams that the caller has closed are held by
 * /dev/null, opened the wrong way round so that using one is an error.
 */
int af_cli_parse(const struct af_tool *tool, int argc, char **argv, void *opts, int *operand);

/* The operands from argv[operand] on; where there are none, "-": standard input. */
const char *const *af_cli_operands(int argc, char **argv, int operand, size_t *n);

/* Report a usage error found after parsing, in the same two lines; returns 2. */
int af_cli_usage(const struct af_tool *tool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Completion scripts, from the same table. */
void af_cli_complete_bash(const struct af_tool *tool);
void af_cli_complete_zsh(const struct af_tool *tool);

#endif
