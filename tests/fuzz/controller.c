/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host may say to the simulated stage controllers: one byte for the protocol, then commands,
 * between which NUL lets 50 ms pass. */
#include "scopesim/controller.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void listen(struct af_controller *c)
{
    char said[512];

    while (af_controller_give(c, said, sizeof said, NULL) > 0)
        ;
}

static void speak(struct af_simscope *scope, struct af_controller *c, const uint8_t *data, size_t n)
{
    for (size_t at = 0, end; at < n && at < 1000; at = end + 1) {
        const uint8_t *stop = memchr(data + at, 0, n - at);
        char *command;

        end = stop ? (size_t)(stop - data) : n;
        if (!(command = malloc(end - at + 1))) // its own, so that its end is watched
            return;
        memcpy(command, data + at, end - at);
        af_controller_take(c, command, end - at);
        free(command);
        af_simscope_pause(scope, 50, NULL);
        listen(c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct af_controller_opts opts = {.soft_limits = n && data[0] & 8,
                                            .late_answer = n && data[0] & 16};
    struct af_simscope *scope;
    struct af_controller *c;
    struct af_err err;

    if (!n || af_simscope_open(&scope, NULL, "clock=virtual&preset=ideal", &err))
        return 0;
    if (!af_controller_new(&c, af_protocol_at(data[0] % 8 % 7), scope, &opts, &err)) {
        speak(scope, c, data + 1, n - 1);
        af_controller_free(c);
    }
    af_simscope_close(scope);
    return 0;
}
