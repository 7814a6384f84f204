/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/option.h"
#include "cli/cli.h"
#include "child.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct opts {
    bool quiet;
    int verbose;
    const char *output, *plot, *day;
    int axis;
    int64_t span, seed;
    double step_um, wait_ms, gain, floor, roof;
    char **operands; // found by parsing, NULL-ended
};

static const struct af_option table[] = {
    {0, "axis", AF_OPT_CHOICE, offsetof(struct opts, axis), NULL,
     "direction of the profile: down the columns, along the rows, or both of them [y]", "y|x|both",
     0, 0},
    {0, "a-very-long-name-of-an-option", AF_OPT_REAL, offsetof(struct opts, gain), "NUMBER",
     "its help begins on a line of its own", NULL, 0, 0},
    {'d', "day", AF_OPT_TEXT, offsetof(struct opts, day), "DAY", "it's the day: [date]", NULL, 0,
     0},
    {0, "floor", AF_OPT_REAL, offsetof(struct opts, floor), "N", "from 1", NULL, 1, INFINITY},
    {'o', "output", AF_OPT_FILE, offsetof(struct opts, output), "FILE", "write to FILE", NULL, 0,
     0},
    {0, "plot", AF_OPT_FILE, offsetof(struct opts, plot), "FILE", "draw it", ".png|.svg", 0, 0},
    {'q', "quiet", AF_OPT_FLAG, offsetof(struct opts, quiet), NULL, "say nothing", NULL, 0, 0},
    {0, "roof", AF_OPT_REAL, offsetof(struct opts, roof), "N", "to 1", NULL, -INFINITY, 1},
    {0, "seed", AF_OPT_INT, offsetof(struct opts, seed), "N", "seed [0]", NULL, 0, 0},
    {'s', "span", AF_OPT_INT, offsetof(struct opts, span), "N", "window, px [11]", NULL, 1, 31},
    {0, "step", AF_OPT_LENGTH, offsetof(struct opts, step_um), "LENGTH", "step [50nm]", NULL, 0.01,
     100},
    {'v', "verbose", AF_OPT_COUNT, offsetof(struct opts, verbose), NULL, "say more", NULL, 0, 0},
    {'w', "wait", AF_OPT_TIME, offsetof(struct opts, wait_ms), "TIME", "wait [10ms]", NULL, 0, 1e4},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {
    "af-demo", "[STACK]...",
    "Does nothing at all, but says so in a sentence that is too long for one line of help.", table};

static const struct af_tool plain = {"af-plain", "", "Takes no operands.", table};

struct call {
    const struct af_tool *tool;
    const char *words; // the command line, cut at blanks
    struct opts o;
};

/* Parse c->words; c->o.operands points into storage of this function. */
static int parse(struct call *c)
{
    static char line[1000];
    static char *argv[50];
    int argc = 0, operand = -1, status;

    snprintf(line, sizeof(line), "name %s", c->words);
    for (char *s = strtok(line, " "); s; s = strtok(NULL, " "))
        argv[argc++] = s;
    argv[argc] = NULL;
    status = af_cli_parse(c->tool, argc, argv, &c->o, &operand);
    c->o.operands = argv + operand;
    return status;
}

static int parse_child(void *arg)
{
    int status = parse(arg);

    return status < 0 ? 42 : status;
}

static int parse_and_close(void *arg)
{
    return af_cli_close_stdout("af-demo", parse_child(arg));
}

static void every_kind_of_option_finds_its_place(void **state)
{
    struct call c = {&tool,
                     "one -qvv --verbose -o out.tsv --day=2021-03-04 two --axis both -s 31 "
                     "--seed -9223372036854775808 --step 50nm -w2s --floor 1e300 --roof -1e300 "
                     "--a-very-long-name-of-an-option -1.5e-3 -- -three",
                     {0}};

    (void)state;
    assert_int_equal(parse(&c), -1);
    assert_true(c.o.quiet);
    assert_int_equal(c.o.verbose, 3);
    assert_string_equal(c.o.output, "out.tsv");
    assert_string_equal(c.o.day, "2021-03-04");
    assert_int_equal(c.o.axis, 2);
    assert_int_equal(c.o.span, 31);
    assert_true(c.o.seed == INT64_MIN);
    assert_true(fabs(c.o.step_um - 0.05) < 1e-17);
    assert_true(c.o.wait_ms == 2000);
    assert_true(c.o.gain == -1.5e-3);
    assert_string_equal(c.o.operands[0], "one");
    assert_string_equal(c.o.operands[1], "two");
    assert_string_equal(c.o.operands[2], "-three");
    assert_null(c.o.operands[3]);
}

static void defaults_stay_and_parsing_begins_anew(void **state)
{
    struct call c = {&tool, "a -q b", {.span = 11, .step_um = 0.5}};
    struct call d = {&tool, "-", {.axis = 1}};

    (void)state;
    assert_int_equal(parse(&c), -1);
    assert_int_equal(c.o.span, 11);
    assert_true(c.o.step_um == 0.5);
    assert_int_equal(parse(&d), -1);
    assert_int_equal(d.o.axis, 1);
    assert_false(d.o.quiet);
    assert_string_equal(d.o.operands[0], "-");
}

static void a_list_keeps_its_texts_in_order(void **state)
{
    static const struct af_option rows[] = {
        {0, "teach", AF_OPT_LIST, 0, "WELL", "may be given again", NULL, 0, 0}, AF_OPTIONS_END};
    static const struct af_tool lists = {"af-lists", "", "Takes lists.", rows};
    struct af_optlist list = {.n = 0};
    char name[] = "x", a[] = "--teach=A1", b[] = "--teach", c[] = "B2", *argv[40] = {name, a, b, c};
    int operand;

    (void)state;
    assert_int_equal(af_cli_parse(&lists, 4, argv, &list, &operand), -1);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.text[0], "A1");
    assert_string_equal(list.text[1], "B2");
}

/* A usage error: status 2, two lines, and nothing changed in the options. */
static void refused(const struct af_tool *t, const char *words, const char *message)
{
    struct call c = {t, words, {0}};
    char want[400];

    snprintf(want, sizeof(want), "%s: %s\nTry '%s --help'.\n", t->name, message, t->name);
    assert_int_equal(child_run(parse_child, &c), 2);
    assert_string_equal(text_of("err"), want);
    assert_string_equal(text_of("out"), "");
}

static void usage_errors_say_what_and_where_to_look(void **state)
{
    (void)state;
    refused(&tool, "--span x", "--span: 'x' is not a whole number");
    refused(&tool, "-s 32", "--span: '32' is not in 1 to 31");
    refused(&tool, "-s 0", "--span: '0' is not in 1 to 31");
    refused(&tool, "--step 5nm", "--step: '5nm' is not in 0.01um to 100um");
    refused(&tool, "--step 5s", "--step: '5s' is not a length (as 50nm, 2um, 0.3mm)");
    refused(&tool, "-w 11s", "--wait: '11s' is not in 0ms to 10000ms");
    refused(&tool, "-w 1um", "--wait: '1um' is not a time (as 10ms, 2s, 5min)");
    refused(&tool, "--floor 0.5", "--floor: '0.5' is below 1");
    refused(&tool, "--roof 1.5", "--roof: '1.5' is above 1");
    refused(&tool, "--floor nan", "--floor: 'nan' is not a number");
    refused(&tool, "--axis z", "--axis: 'z' is none of y|x|both");
    refused(&tool, "--axis bot", "--axis: 'bot' is none of y|x|both");
    refused(&tool, "--axis y|x", "--axis: 'y|x' is none of y|x|both");
    refused(&tool, "--output=", "--output: the file name is empty");
    refused(&tool, "--plot a.gif", "--plot: 'a.gif' ends in none of .png|.svg");
    refused(&tool, "--plot .png", "--plot: '.png' ends in none of .png|.svg");
    refused(&tool, "--plot a.png/b", "--plot: 'a.png/b' ends in none of .png|.svg");
    refused(&tool, "--completion fish", "--completion: 'fish' is none of bash|zsh");
    refused(&tool, "--foo", "unrecognized option '--foo'");
    refused(&tool, "-x", "invalid option -- 'x'");
    refused(&tool, "-s", "option requires an argument -- 's'");
    refused(&plain, "-q a.tif", "unexpected operand 'a.tif'");
}

static void help_is_aligned_and_fits_80_columns(void **state)
{
    struct call c = {&tool, "-q --help --foo", {0}};

    (void)state;
    assert_int_equal(child_run(parse_child, &c), 0);
    assert_string_equal(
        text_of("out"),
        "Usage: af-demo [OPTION]... [STACK]...\n"
        "Does nothing at all, but says so in a sentence that is too long for one line of\n"
        "help.\n"
        "\n"
        "      --axis=y|x|both  direction of the profile: down the columns, along the\n"
        "                       rows, or both of them [y]\n"
        "      --a-very-long-name-of-an-option=NUMBER\n"
        "                       its help begins on a line of its own\n"
        "  -d, --day=DAY        it's the day: [date]\n"
        "      --floor=N        from 1\n"
        "  -o, --output=FILE    write to FILE\n"
        "      --plot=FILE      draw it\n"
        "  -q, --quiet          say nothing\n"
        "      --roof=N         to 1\n"
        "      --seed=N         seed [0]\n"
        "  -s, --span=N         window, px [11]\n"
        "      --step=LENGTH    step [50nm]\n"
        "  -v, --verbose        say more\n"
        "  -w, --wait=TIME      wait [10ms]\n"
        "  -h, --help           print this help and end\n"
        "  -V, --version        print name and version and end\n"
        "\n"
        "See man af-demo.\n");
    c = (struct call){&plain, "-h", {0}};
    assert_int_equal(child_run(parse_child, &c), 0);
    assert_memory_equal(text_of("out"), "Usage: af-plain [OPTION]...\nTakes no operands.\n", 47);
}

static void version_names_the_licence(void **state)
{
    struct call c = {&tool, "-V", {0}};

    (void)state;
    assert_int_equal(child_run(parse_child, &c), 0);
    assert_string_equal(text_of("out"), "af-demo (aftools) " AF_VERSION
                                        "\nLicence BSD-2-Clause. There is no warranty.\n");
}

static void help_that_cannot_be_written_is_a_failure(void **state)
{
    struct call c = {&tool, "--help", {0}};

    (void)state;
    if (access("/dev/full", W_OK)) {
        print_message("# no /dev/full here\n");
        return;
    }
    assert_int_equal(WEXITSTATUS(child_wait(parse_and_close, &c, "/dev/full")), 1);
    assert_string_equal(text_of("err"), "af-demo: standard output: No space left on device\n");
}

static bool have(const char *shell)
{
    char command[100];

    snprintf(command, sizeof(command), "%s -c : 2>/dev/null", shell);
    if (!system(command))
        return true;
    print_message("# no %s here\n", shell);
    return false;
}

/* What bash offers behind `words`; the last of them is being typed. */
static void bash_offers(const char *words, int nwords, const char *want)
{
    char command[500];

    snprintf(command, sizeof(command),
             "bash -c '. ./complete; COMP_WORDS=(af-demo %s); COMP_CWORD=%d; _af_demo; "
             "echo \"${COMPREPLY[*]}\"' >offered",
             words, nwords);
    assert_int_equal(system(command), 0);
    assert_string_equal(text_of("offered"), want);
}

static void bash_offers_options_and_their_values(void **state)
{
    struct call c = {&tool, "--completion bash", {0}};

    (void)state;
    assert_int_equal(child_run(parse_child, &c), 0);
    assert_int_equal(rename("out", "complete"), 0);
    if (!have("bash"))
        return;
    bash_offers("--s", 1, "--seed --span --step\n");
    bash_offers("a.tif --he", 2, "--help\n");
    bash_offers("--axis \"\"", 2, "y x both\n");
    bash_offers("--axis b", 2, "both\n");
    bash_offers("--axis = b", 3, "both\n"); // as bash cuts --axis=b
    bash_offers("--axis =", 2, "y x both\n");
    bash_offers("--completion \"\"", 2, "bash zsh\n");
    bash_offers("-o --q", 2, "\n"); // a file: left to the shell
    bash_offers("--span 1", 2, "\n");
    bash_offers("a", 1, "\n");
    c.tool = &plain;
    assert_int_equal(child_run(parse_child, &c), 0);
    assert_int_equal(system("bash -n out"), 0);
}

static void zsh_takes_the_completion(void **state)
{
    struct call c = {&tool, "--completion=zsh", {0}};
    const char *s;

    (void)state;
    assert_int_equal(child_run(parse_child, &c), 0);
    s = text_of("out");
    assert_memory_equal(s, "#compdef af-demo\n", 17);
    assert_non_null(strstr(s, "'--axis=[direction of the profile\\: down the columns, along the "
                              "rows, or both of them \\[y\\]]:value:(y x both)'"));
    assert_non_null(strstr(s, "{-d+,--day=}'[it'\\''s the day\\: \\[date\\]]:DAY:'"));
    assert_non_null(strstr(s, "{-o+,--output=}'[write to FILE]:FILE:_files'"));
    assert_non_null(strstr(s, "'*'{-v,--verbose}'[say more]'"));
    assert_non_null(strstr(s, "'*:operand:_files'\n"));
    if (have("zsh"))
        assert_int_equal(system("zsh -n out"), 0);
}

/* A closed stdin, stdout or stderr is held, so that no file gets its number. */
static int open_after_parse(void *arg)
{
    struct call c = {&tool, "", {0}};
    int fd;

    (void)arg;
    close(0);
    close(1);
    if (parse(&c) != -1)
        return 1;
    fd = open("file", O_WRONLY | O_CREAT, 0666);
    if (fd < 3)
        return 2;
    return write(1, "x", 1) == -1 && errno == EBADF ? 0 : 3;
}

static int write_past_limit(void *arg)
{
    struct call c = {&tool, "", {0}};
    struct rlimit old, limit;
    char text[20] = {0};
    int fd, ret = 1;

    (void)arg;
    if (parse(&c) != -1 || getrlimit(RLIMIT_FSIZE, &old))
        return 1;
    limit = (struct rlimit){10, old.rlim_max};
    if (!setrlimit(RLIMIT_FSIZE, &limit) &&
        (fd = open("limited", O_WRONLY | O_CREAT, 0666)) >= 0 && write(fd, text, 20) == 10 &&
        write(fd, text, 10) == -1 && errno == EFBIG)
        ret = 0;
    setrlimit(RLIMIT_FSIZE, &old); // coverage counts are written at exit
    return ret;
}

static void the_process_is_made_ready(void **state)
{
    (void)state;
    assert_int_equal(child_run(open_after_parse, NULL), 0);
    assert_int_equal(child_run(write_past_limit, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_option_finds_its_place),
        cmocka_unit_test(defaults_stay_and_parsing_begins_anew),
        cmocka_unit_test(a_list_keeps_its_texts_in_order),
        cmocka_unit_test(usage_errors_say_what_and_where_to_look),
        cmocka_unit_test(help_is_aligned_and_fits_80_columns),
        cmocka_unit_test(version_names_the_licence),
        cmocka_unit_test(help_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(bash_offers_options_and_their_values),
        cmocka_unit_test(zsh_takes_the_completion),
        cmocka_unit_test(the_process_is_made_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
