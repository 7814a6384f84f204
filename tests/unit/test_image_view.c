/* SPDX-License-Identifier: BSD-2-Clause */
/* Pictures of a stack whose plane i is all i, at z = i um, with pixels of 0.5 um. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../aid/stackmake.h"
#include "image/view.h"

#include <string.h>

enum { PLANES = 9, W = 24, H = 16 };

static void draw_plane(void *ctx, size_t i, struct af_image *img, struct af_plane *p)
{
    (void)ctx;
    p->z_um = (double)i;
    memset(img->data, (int)i, W * H);
}

static int make_stack(void **state)
{
    struct stackmake m = {
        .meta = AF_STACK_META_UNKNOWN, .w = W, .h = H, .type = AF_U8, .draw = draw_plane};
    struct af_err err = {AF_OK, ""};

    (void)state;
    m.meta.nplanes = PLANES;
    m.meta.px_um = m.meta.py_um = 0.5;
    return stackmake(&m, "nine.ome.tif", &err);
}

static int view(const struct af_view *v, char *title, struct af_canvas *c, struct af_err *err)
{
    const char *path = "nine.ome.tif";
    struct af_stack *st;
    int ret;

    *c = (struct af_canvas){0};
    assert_int_equal(af_stack_open(&st, &path, 1, NULL, err), 0);
    ret = af_view_draw(v, st, title, c, err);
    af_stack_close(st);
    return ret;
}

/* The picture's height in px, and its title. */
static long height_of(const struct af_view *v, char *title)
{
    struct af_err err = {AF_OK, ""};
    struct af_canvas c;
    long h;

    if (view(v, title, &c, &err))
        fail_msg("%s", err.text);
    h = c.h;
    af_canvas_release(&c);
    return h;
}

static void titles_say_what_is_shown(void **state)
{
    struct af_view v = {.last = SIZE_MAX, .nfiles = 1};
    char title[AF_VIEW_TITLE];

    (void)state;
    height_of(&v, title);
    assert_string_equal(title, "nine.ome.tif: 9 planes");
    v.every = 4; // 0, 4, 8
    height_of(&v, title);
    assert_string_equal(title, "nine.ome.tif: 3 of 9 planes");
    v.kind = AF_VIEW_MAX;
    v.last = 4; // 0, 4
    height_of(&v, title);
    assert_string_equal(title, "nine.ome.tif: maximum of 2 planes");
    v = (struct af_view){.kind = AF_VIEW_PLANE, .first = 3, .last = 3, .nfiles = 2};
    height_of(&v, title);
    assert_string_equal(title, "nine.ome.tif and 1 more: plane 3, z 3 um");
    v = (struct af_view){.kind = AF_VIEW_YZ, .last = SIZE_MAX, .at = 23};
    height_of(&v, title);
    assert_string_equal(title, "nine.ome.tif: yz at x 23");
}

/* Planes are 1 um = 2 px apart: to scale each is as high as by an aspect of 2, and pixels of 24
 * are enlarged to 33 of the 800 that are allowed. */
static void slices_are_to_scale(void **state)
{
    struct af_view v = {.kind = AF_VIEW_XZ, .last = SIZE_MAX, .at = 3};
    char title[AF_VIEW_TITLE];
    long known = height_of(&v, title), by_aspect[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        v.aspect = i + 1;
        by_aspect[i] = height_of(&v, title);
    }
    assert_int_equal(known, by_aspect[1]);
    assert_int_equal(by_aspect[2] - by_aspect[1], PLANES * (800 / W));
}

/* The brightest plane has the map's last colour, white; the maximum shows nothing else. */
static void the_maximum_is_that_of_the_planes_asked_for(void **state)
{
    struct af_view v = {.kind = AF_VIEW_MAX,
                        .last = SIZE_MAX,
                        .scale = {AF_MAP_GRAY, 0, 8},
                        .fixed = true,
                        .width = W};
    char title[AF_VIEW_TITLE];
    struct af_err err = {AF_OK, ""};
    struct af_canvas c;
    long count[2] = {0, 0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        v.last = i ? 4 : SIZE_MAX; // of 0 to 4 the maximum is 4: half way, mid gray
        assert_int_equal(view(&v, title, &c, &err), 0);
        for (long k = 0; k < c.w * c.h; k++)
            count[i] += c.rgb[3 * k] == 128;
        af_canvas_release(&c);
    }
    assert_in_range(count[0], 0, W); // of the colour bar alone
    assert_in_range(count[1] - count[0], W * H, W * H + W);
}

static void what_the_stack_has_not_is_refused(void **state)
{
    static const struct {
        struct af_view v;
        const char *why;
    } no[] = {
        {{.kind = AF_VIEW_PLANE, .first = 9, .last = 9}, "no plane 9: planes are 0 to 8"},
        {{.kind = AF_VIEW_XZ, .last = SIZE_MAX, .at = H}, "16"},
        {{.kind = AF_VIEW_YZ, .last = SIZE_MAX, .at = W}, "24"},
        {{.kind = AF_VIEW_XZ, .last = SIZE_MAX, .aspect = 1e6}, "--aspect"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
        struct af_err err = {AF_OK, ""};
        char title[AF_VIEW_TITLE];
        struct af_canvas c;

        assert_int_equal(view(&no[i].v, title, &c, &err), -1);
        assert_int_equal(err.kind, AF_EUSAGE);
        assert_non_null(strstr(err.text, no[i].why));
        assert_null(c.rgb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_say_what_is_shown),
        cmocka_unit_test(slices_are_to_scale),
        cmocka_unit_test(the_maximum_is_that_of_the_planes_asked_for),
        cmocka_unit_test(what_the_stack_has_not_is_refused),
    };

    return cmocka_run_group_tests(tests, make_stack, NULL);
}
