/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/modelfile.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/outfile.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "aftools-model/1"
#define INPUT "96x96x1"

/* Texts with a meaning of their own, in the order they are written. */
enum own { OWN_FORMAT, OWN_ARCH, OWN_ALPHA, OWN_INPUT, OWN_CENTER, OWN_HALF_RANGE, NOWN };
static const char *const own_key[NOWN] = {
    "format", "arch", "alpha", "input", "target_center_um", "target_half_range_um",
};

static bool is_own(const char *key)
{
    for (size_t i = 0; i < NOWN; i++)
        if (strcmp(key, own_key[i]) == 0)
            return true;
    return false;
}

/* A U-Net takes pictures of any size. */
static bool takes_any(const char *arch)
{
    return strcmp(arch, "unet") == 0;
}

/* --------------------------------------------------------------- reading */

/* A key that is there must have this value. */
static int expect(const struct af_nn_modelfile *f, enum own own, const char *want,
                  struct af_err *err)
{
    const char *text = af_nn_notes_get(&f->head.notes, own_key[own]);

    if (text && strcmp(text, want) != 0)
        return af_fail(err, AF_EDATA, "%s: its %s is '%.80s', not %s", f->name, own_key[own], text,
                       want);
    return 0;
}

int af_nn_modelfile_begin(struct af_nn_modelfile *f, FILE *fp, const char *name, struct af_err *err)
{
    *f = (struct af_nn_modelfile){.fp = fp, .name = name};
    if (af_tensors_read_head(&f->head, fp, name, err))
        return -1;
    if (!expect(f, OWN_FORMAT, FORMAT, err) &&
        (takes_any(af_nn_modelfile_arch(f)) || !expect(f, OWN_INPUT, INPUT, err)))
        return 0;
    af_tensors_release(&f->head);
    return -1;
}

int af_nn_modelfile_open(struct af_nn_modelfile *f, const char *path, struct af_err *err)
{
    FILE *fp = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

    *f = (struct af_nn_modelfile){.fp = NULL};
    if (!fp)
        return af_fail_errno(err, "%s", path);
    if (af_nn_modelfile_begin(f, fp, path, err) == 0)
        return 0;
    if (fp != stdin)
        fclose(fp);
    return -1;
}

void af_nn_modelfile_close(struct af_nn_modelfile *f)
{
    af_tensors_release(&f->head);
    if (f->fp && f->fp != stdin)
        fclose(f->fp);
    *f = (struct af_nn_modelfile){.fp = NULL};
}

const char *af_nn_modelfile_arch(const struct af_nn_modelfile *f)
{
    const char *text = af_nn_notes_get(&f->head.notes, own_key[OWN_ARCH]);

    return text ? text : "mobilenetv2";
}

int af_nn_modelfile_real(const struct af_nn_modelfile *f, const char *key, double *v,
                         struct af_err *err)
{
    const char *text = af_nn_notes_get(&f->head.notes, key);
    struct af_err e;

    if (text && af_parse_real(text, v, &e))
        return af_fail(err, AF_EDATA, "%s: %s: %.200s", f->name, key, e.text);
    return 0;
}

int af_nn_modelfile_about(const struct af_nn_modelfile *f, struct af_nn_about *a,
                          struct af_err *err)
{
    const struct af_nn_notes *have = &f->head.notes;

    *a = (struct af_nn_about){.half_range_um = 1};
    if (af_nn_modelfile_real(f, own_key[OWN_CENTER], &a->center_um, err) ||
        af_nn_modelfile_real(f, own_key[OWN_HALF_RANGE], &a->half_range_um, err))
        return -1;
    if (a->half_range_um <= 0)
        return af_fail(err, AF_EDATA, "%s: target_half_range_um: %.9g is not above 0", f->name,
                       a->half_range_um);
    for (size_t i = 0; i < have->n; i++)
        if (!is_own(have->note[i].key) &&
            af_nn_notes_add(&a->notes, have->note[i].key, have->note[i].value, err))
            return -1;
    return 0;
}

/* The file's tensors must be those wanted; place[i]: which of them tensor i of the file is. */
static int match(const struct af_nn_modelfile *f, const struct af_tensors *want, size_t *place,
                 struct af_err *err)
{
    const struct af_tensors *have = &f->head;
    char a[AF_TENSOR_SHAPE], b[AF_TENSOR_SHAPE];

    for (size_t i = 0; i < want->n; i++) {
        const struct af_tensor *w = &want->tensor[i], *h = af_tensors_find(have, w->name);

        if (!h)
            return af_fail(err, AF_EDATA, "%s: no tensor %s", f->name, w->name);
        if (h->ndims != w->ndims || memcmp(h->dim, w->dim, sizeof(h->dim)) != 0)
            return af_fail(err, AF_EDATA, "%s: %s is %s, not %s", f->name, w->name,
                           af_tensor_shape(h, a), af_tensor_shape(w, b));
        if (have->n == want->n)
            place[h - have->tensor] = i;
    }
    for (size_t i = 0; have->n > want->n && i < have->n; i++)
        if (!af_tensors_find(want, have->tensor[i].name))
            return af_fail(err, AF_EDATA, "%s: tensor %.80s is none of %s", f->name,
                           have->tensor[i].name, af_nn_modelfile_arch(f));
    return 0;
}

int af_nn_modelfile_read(const struct af_nn_modelfile *f, const struct af_tensors *want,
                         float *const *to, struct af_err *err)
{
    size_t *place = af_calloc(want->n, sizeof(*place), err);
    float **at = place ? af_calloc(want->n, sizeof(float *), err) : NULL;
    int ret = -1;

    if (!at || match(f, want, place, err))
        goto done;
    for (size_t i = 0; i < want->n; i++)
        at[i] = to[place[i]];
    ret = af_tensors_read_data(&f->head, f->fp, at, f->name, err);
done:
    free(place);
    free(at);
    return ret;
}

/* --------------------------------------------------------------- writing */

/* The shortest text that is read back as v. */
static int add_real(struct af_nn_notes *s, const char *key, double v, struct af_err *err)
{
    char text[32];
    int digits = 6;

    do
        snprintf(text, sizeof(text), "%.*g", digits, v);
    while (strtod(text, NULL) != v && ++digits <= 17);
    return af_nn_notes_add(s, key, text, err);
}

static int describe(struct af_nn_notes *s, const char *arch, double alpha,
                    const struct af_nn_about *a, struct af_err *err)
{
    if (af_nn_notes_add(s, own_key[OWN_FORMAT], FORMAT, err) ||
        af_nn_notes_add(s, own_key[OWN_ARCH], arch, err) ||
        (!isnan(alpha) && add_real(s, own_key[OWN_ALPHA], alpha, err)) ||
        af_nn_notes_add(s, own_key[OWN_INPUT], takes_any(arch) ? "any x any x 1" : INPUT, err) ||
        (!isnan(a->center_um) && add_real(s, own_key[OWN_CENTER], a->center_um, err)) ||
        (!isnan(a->half_range_um) && add_real(s, own_key[OWN_HALF_RANGE], a->half_range_um, err)))
        return -1;
    for (size_t i = 0; i < a->notes.n; i++) {
        assert(!is_own(a->notes.note[i].key));
        if (af_nn_notes_add(s, a->notes.note[i].key, a->notes.note[i].value, err))
            return -1;
    }
    return 0;
}

int af_nn_modelfile_write(const char *path, const char *arch, double alpha,
                          const struct af_nn_about *a, struct af_tensors *s,
                          const float *const *from, struct af_err *err)
{
    struct af_outfile f;

    if (describe(&s->notes, arch, alpha, a, err))
        return -1;
    if (strcmp(path, "-") == 0) {
        if (af_tensors_write(s, stdout, from, err))
            return -1;
        return fflush(stdout) || ferror(stdout) ? af_fail_errno(err, "stdout") : 0;
    }
    if (af_outfile_open(&f, path, err))
        return -1;
    if (!af_tensors_write(s, f.fp, from, err))
        return af_outfile_commit(&f, err);
    af_outfile_discard(&f);
    return -1;
}
