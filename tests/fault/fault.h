/* SPDX-License-Identifier: BSD-2-Clause */
/* What fault.so tells the program that set it up. */
#ifndef AF_TEST_FAULT_H
#define AF_TEST_FAULT_H
#include <stdint.h>

struct fault_report {
    uint64_t calls; // of the kind, since main began
    uint64_t fired; // 1: at least one of them was failed
    char crash[64]; // file name of the program or library that crashed, "" for none
};

#endif
