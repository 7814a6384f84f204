/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that make stacks together: OME sets of several, TIFF and PGM whose planes carry numbers. */
#ifndef AF_TESTS_STACKSET_H
#define AF_TESTS_STACKSET_H
#include "tiffmake.h"

#include <sys/stat.h>

#define HEAD "<?xml version=\"1.0\"?><OME UUID=\"%s\">"
#define BLOCK(IFD, Z, N, FILE, UUID)                                                               \
    "<TiffData IFD=\"" #IFD "\" FirstZ=\"" #Z "\" PlaneCount=\"" #N "\"><UUID FileName=\"" FILE    \
    "\">" UUID "</UUID></TiffData>"

static uint64_t mark;

static inline uint64_t marked(size_t page, size_t x, size_t y)
{
    (void)x;
    (void)y;
    return mark + page;
}

/* A file of n pages whose first samples are from, from + 1 ... */
static inline void make_file(const char *path, const char *xml, size_t n, unsigned from)
{
    struct tiff_spec s = {.w = 2,
                          .h = 2,
                          .npages = n,
                          .photometric = PHOTOMETRIC_MINISBLACK,
                          .description = xml,
                          .value = marked};

    mark = from;
    make_tiff(path, "wl", s);
}

/* Planes 0, 1 in a, 2 in b, 3, 4 in c, whose pages lie the other way round. */
static inline void make_set(void)
{
    static const char body[] =
        HEAD "<Image><Pixels DimensionOrder=\"XYZCT\" SizeX=\"2\" SizeY=\"2\" SizeZ=\"5\">" BLOCK(
            0, 0, 2, "a.ome.tif", "urn:uuid:a") BLOCK(0, 2, 1, "b.ome.tif", "urn:uuid:b")
            BLOCK(1, 3, 1, "c.ome.tif", "urn:uuid:c") BLOCK(
                0, 4, 1, "c.ome.tif", "urn:uuid:c") "<Plane TheZ=\"0\" PositionZ=\"7\" "
                                                    "PositionZUnit=\"um\"/></Pixels></Image></OME>";
    char xml[3000];

    mkdir("set", 0777);
    snprintf(xml, sizeof(xml), body, "urn:uuid:a");
    make_file("set/a.ome.tif", xml, 2, 10);
    snprintf(xml, sizeof(xml), body, "urn:uuid:b");
    make_file("set/b.ome.tif", xml, 1, 20);
    snprintf(xml, sizeof(xml), body, "urn:uuid:c");
    make_file("set/c.ome.tif", xml, 2, 30);
}

static inline void assert_marks(struct af_stack *st, const double *want, size_t n)
{
    assert_int_equal(af_stack_info(st)->nplanes, n);
    for (size_t i = 0; i < n; i++)
        assert_true(mark_of(st, i) == want[i]);
}

static inline void write_pgm(const char *path, const char *z, int mark_, int n)
{
    FILE *fp = fopen(path, "wb");

    assert_non_null(fp);
    for (int i = 0; i < n; i++)
        fprintf(fp, "P5\n%s%s%s2 1\n255\n%c%c", z ? "# z_um=" : "", z ? z : "", z ? "\n" : "",
                mark_ + i, 0);
    assert_int_equal(fclose(fp), 0);
}

#endif
