/* SPDX-License-Identifier: BSD-2-Clause */
/* Command lines, one word a line; each word also as a number, a length, a time, a pattern of names.
 */
#include "base/natural.h"
#include "base/number.h"
#include "cli/option.h"
#include "image/zname.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WORDS = 16 };

struct opts {
    bool flag;
    int count, choice;
    const char *text, *file;
    int64_t whole;
    double real, length_um, time_ms;
};

static const struct af_option options[] = {
    {'c', "choice", AF_OPT_CHOICE, offsetof(struct opts, choice), "y|x|both", "an axis", "y|x|both",
     0, 0},
    {'v', "count", AF_OPT_COUNT, offsetof(struct opts, count), NULL, "counts", NULL, 0, 0},
    {'o', "file", AF_OPT_FILE, offsetof(struct opts, file), "FILE", "a file", NULL, 0, 0},
    {'f', "flag", AF_OPT_FLAG, offsetof(struct opts, flag), NULL, "a flag", NULL, 0, 0},
    {0, "length", AF_OPT_LENGTH, offsetof(struct opts, length_um), "LENGTH", "um", NULL, -10, 1e6},
    {0, "real", AF_OPT_REAL, offsetof(struct opts, real), "X", "a number", NULL, 0, 0},
    {'t', "text", AF_OPT_TEXT, offsetof(struct opts, text), "TEXT", "a text", NULL, 0, 0},
    {0, "time", AF_OPT_TIME, offsetof(struct opts, time_ms), "TIME", "ms", NULL, 0.001, 1e9},
    {'n', "whole", AF_OPT_INT, offsetof(struct opts, whole), "N", "a number", NULL, 1, 1000},
    AF_OPTIONS_END,
};

static const struct af_tool tool = {"fuzz", "[OPTION]... [FILE]...", "Parses.", options};

static void parse_line(char **word, int nwords)
{
    char *argv[WORDS + 2] = {(char *)"fuzz"};
    struct opts o = {.whole = 1, .time_ms = 1};
    int operand = 0, status;

    memcpy(argv + 1, word, (size_t)nwords * sizeof *word);
    status = af_cli_parse(&tool, nwords + 1, argv, &o, &operand);
    if (status >= 0 ? status != 0 && status != 2
                    : operand < 1 || operand > nwords + 1 || o.choice < 0 || o.choice > 2 ||
                          o.whole < 1 || o.whole > 1000 || !(o.length_um >= -10) ||
                          !(o.length_um <= 1e6) || !isfinite(o.real) || !(o.time_ms >= 0.001))
        abort();
}

static void parse_numbers(const char *s)
{
    struct af_err err;
    int64_t i;
    double v;

    if ((af_parse_real(s, &v, &err) == 0 && !isfinite(v)) ||
        (af_parse_length_um(s, &v, &err) == 0 && !isfinite(v)) ||
        (af_parse_time_ms(s, &v, &err) == 0 && !isfinite(v)))
        abort();
    af_parse_int(s, &i, &err);
    if (af_unit_um(s) < 0 || af_unit_ms(s) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1), *word[WORDS] = {NULL}, *rest;
    struct af_err err;
    double z_um;
    int nwords = 0;

    if (!text)
        return 0;
    memcpy(text, data, n);
    text[n] = '\0';
    for (rest = text; rest && nwords < WORDS; nwords++) {
        word[nwords] = rest;
        if ((rest = strchr(rest, '\n')))
            *rest++ = '\0';
    }
    for (int i = 0; i < nwords; i++)
        parse_numbers(word[i]);
    for (int i = 0; i + 1 < nwords; i++) {
        int ab = af_natural_compare(word[i], word[i + 1]);
        int ba = af_natural_compare(word[i + 1], word[i]);

        if ((ab < 0) != (ba > 0) || (ab == 0) != (strcmp(word[i], word[i + 1]) == 0))
            abort();
        if (af_zname_parse(word[i], word[i + 1], &z_um, &err) == 0 && !isfinite(z_um))
            abort();
    }
    parse_line(word, nwords);
    free(text);
    return 0;
}
