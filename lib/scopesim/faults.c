/* SPDX-License-Identifier: BSD-2-Clause */
#include "scopesim/faults.h"
#include "base/number.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

int af_simfaults_parse(struct af_simfaults *f, const char *text, struct af_err *err)
{
#define AT(field) offsetof(struct af_simfaults, field)
    static const struct {
        const char *name;
        size_t place;
        double max;
    } words[] = {{"noise", AT(noise), 1},           {"lost", AT(lost), 1},
                 {"repeated", AT(repeated), 1},     {"corrupted", AT(corrupted), 1},
                 {"split", AT(split), 1},           {"late", AT(late), 1},
                 {"unasked", AT(unasked), 1},       {"stuck", AT(stuck), 1},
                 {"limit", AT(limit), 1},           {"stale", AT(stale), 1},
                 {"unplugged", AT(unplugged), 1e9}, {"seed", AT(seed), 1e15}};
    char word[64], value[32];
    int n = 0;

    *f = (struct af_simfaults){0};
    for (const char *s = text; *s; s += n + (s[n] == ',')) {
        double v;
        size_t i = 0;

        if (sscanf(s, "%63[a-z]=%31[0-9.e-]%n", word, value, &n) != 2 || (s[n] && s[n] != ','))
            return af_fail(err, AF_EUSAGE, "'%.60s' is not FAULT=NUMBER", s);
        while (i < sizeof(words) / sizeof(*words) && strcmp(words[i].name, word))
            i++;
        if (i == sizeof(words) / sizeof(*words))
            return af_fail(err, AF_EUSAGE, "there is no fault '%s'", word);
        if (af_parse_real(value, &v, err))
            return -1;
        if (v < 0 || v > words[i].max)
            return af_fail(err, AF_EUSAGE, "%s=%s is not in 0 to %g", word, value, words[i].max);
        *(double *)(void *)((char *)f + words[i].place) = v;
    }
    return 0;
}
