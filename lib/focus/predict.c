/* SPDX-License-Identifier: BSD-2-Clause */
#include "focus/predict.h"

#include "base/memory.h"
#include "focus/estimator.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct model {
    struct af_predictor_info info;
    struct af_trust trust;
    struct af_estimator *estimator;
    size_t nfeature;
    char *path;
};

struct af_predictor {
    struct model model[2];
    int nmodels;
};

struct af_predict_seat {
    struct af_estimator_seat *seat[2];
    float *x;       // [AF_PREDICT_MOST][AF_FRAME_PX]
    float *feature; // [AF_PREDICT_MOST][nfeature], the larger
    struct af_frame_facts facts[AF_PREDICT_MOST];
};

static void close_model(struct model *m)
{
    af_estimator_free(m->estimator);
    free(m->path);
}

static int open_model(struct model *m, const char *path, struct af_err *err)
{
    struct af_nn_about about = {.center_um = 0};
    struct af_err cause = {AF_OK, ""};
    int ret = -1;

    m->path = af_strdup(path, err);
    if (!m->path || af_estimator_open(&m->estimator, &about, path, err))
        goto done;
    if (af_trust_read(&m->trust, &about.notes, &cause)) {
        af_fail(err, cause.kind, "%s: %s", path, cause.text);
        goto done;
    }
    m->nfeature = af_estimator_nfeature(m->estimator);
    m->info = (struct af_predictor_info){.path = m->path,
                                         .words = af_estimator_words(m->estimator),
                                         .center_um = about.center_um,
                                         .half_range_um = about.half_range_um,
                                         .trust = m->trust.known};
    ret = 0;
done:
    af_nn_notes_release(&about.notes);
    return ret;
}

int af_predictor_open(struct af_predictor **out, const char *model, const char *fine,
                      struct af_err *err)
{
    struct af_predictor *p = af_calloc(1, sizeof(*p), err);

    *out = NULL;
    if (!p)
        return -1;
    p->nmodels = fine ? 2 : 1;
    if (open_model(&p->model[0], model, err) || (fine && open_model(&p->model[1], fine, err))) {
        af_predictor_close(p);
        return -1;
    }
    *out = p;
    return 0;
}

void af_predictor_close(struct af_predictor *p)
{
    if (!p)
        return;
    close_model(&p->model[0]);
    close_model(&p->model[1]);
    free(p);
}

const struct af_predictor_info *af_predictor_info(const struct af_predictor *p, int which)
{
    return which < p->nmodels ? &p->model[which].info : NULL;
}

int af_predict_seat_new(struct af_predict_seat **out, const struct af_predictor *p,
                        struct af_err *err)
{
    struct af_predict_seat *s = af_calloc(1, sizeof(*s), err);
    size_t nfeature = 0;

    *out = NULL;
    if (!s)
        return -1;
    for (int i = 0; i < p->nmodels; i++) {
        if (af_estimator_seat_new(&s->seat[i], p->model[i].estimator, err))
            goto fail;
        if (p->model[i].nfeature > nfeature)
            nfeature = p->model[i].nfeature;
    }
    s->x = af_calloc((size_t)AF_PREDICT_MOST * AF_FRAME_PX, sizeof(*s->x), err);
    s->feature = s->x ? af_calloc(AF_PREDICT_MOST * nfeature, sizeof(*s->feature), err) : NULL;
    if (!s->feature)
        goto fail;
    *out = s;
    return 0;
fail:
    af_predict_seat_free(s);
    return -1;
}

void af_predict_seat_free(struct af_predict_seat *s)
{
    if (!s)
        return;
    af_estimator_seat_free(s->seat[0]);
    af_estimator_seat_free(s->seat[1]);
    free(s->x);
    free(s->feature);
    free(s);
}

/* What model `which` says of n frames that lie in the seat from `first` on. */
static void ask(const struct af_predictor *p, int which, struct af_predict_seat *s, size_t first,
                size_t n, struct af_prediction *out)
{
    const struct model *m = &p->model[which];
    float y[AF_PREDICT_MOST];

    af_estimator_run(m->estimator, s->seat[which], s->x + first * AF_FRAME_PX, n, y, s->feature);
    for (size_t i = 0; i < n; i++) {
        struct af_trust_frame f = {
            .defocus_um = m->info.center_um + m->info.half_range_um * (double)y[i],
            .facts = &s->facts[first + i],
            .input = s->x + (first + i) * AF_FRAME_PX,
            .feature = s->feature + i * m->nfeature,
        };

        out[i] = (struct af_prediction){.fine = which == 1, .defocus_um = (double)NAN};
        out[i].trust = af_trust_judge(&m->trust, &f, m->nfeature, &out[i].sigma_um);
        if (out[i].trust == AF_TRUST_OK)
            out[i].defocus_um = f.defocus_um;
    }
}

/* The two-step rule for one frame in the seat that the coarse model has answered. */
static void refine(const struct af_predictor *p, struct af_predict_seat *s, size_t at,
                   struct af_prediction *out)
{
    const struct af_predictor_info *fine = &p->model[1].info;
    struct af_prediction second;

    if (out->trust != AF_TRUST_OK || fabs(out->defocus_um - fine->center_um) > fine->half_range_um)
        return;
    ask(p, 1, s, at, 1, &second);
    if (second.trust != AF_TRUST_RANGE)
        *out = second;
}

int af_predict_run(const struct af_predictor *p, struct af_predict_seat *s,
                   const struct af_image *const *frame, size_t n, struct af_prediction *out,
                   struct af_err *err)
{
    struct af_err bad[AF_PREDICT_MOST] = {{AF_OK, ""}};

    for (size_t i = 0; i < n; i++)
        if (af_frame_reduce(frame[i], s->x + i * AF_FRAME_PX, &s->facts[i], &bad[i])) {
            if (bad[i].kind == AF_ESYS)
                return af_fail(err, bad[i].kind, "%s", bad[i].text);
            s->facts[i] = (struct af_frame_facts){.norm = 0};
            memset(s->x + i * AF_FRAME_PX, 0, AF_FRAME_PX * sizeof(*s->x));
        }
    ask(p, 0, s, 0, n, out);
    for (size_t i = 0; i < n; i++) {
        if (bad[i].kind != AF_OK)
            out[i] = (struct af_prediction){.defocus_um = (double)NAN,
                                            .sigma_um = (double)NAN,
                                            .trust = AF_TRUST_UNUSABLE,
                                            .err = bad[i]};
        else if (p->nmodels == 2)
            refine(p, s, i, &out[i]);
    }
    return 0;
}
