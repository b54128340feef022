/*  See meters.h. Seconds are kept and printed as whole microseconds: printf's decimal point follows
 *  the locale, and sums of doubles drift. */
#include "broker/meters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*  Upper bounds in microseconds, ascending; both lists are as long as AUT_METER_BUCKETS. */
static const uint64_t quick[AUT_METER_BUCKETS] = {
    500,    1000,   2500,    5000,    10000,   25000,   50000,    100000,   250000,
    500000, 750000, 1000000, 2500000, 5000000, 7500000, 10000000, 30000000, 60000000};
/*  A chunk of the animatic takes a second, one of a large model an hour. */
static const uint64_t slow[AUT_METER_BUCKETS] = {
    250000,    500000,     1000000,    2500000,    5000000,    10000000,
    20000000,  30000000,   60000000,   120000000,  180000000,  300000000,
    600000000, 1200000000, 1800000000, 3600000000, 7200000000, 14400000000};

static void add (aut_meter_t *meter, const uint64_t *bounds, int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    size_t i = 0;
    while (i < AUT_METER_BUCKETS && value > bounds[i])
        i++;
    __atomic_add_fetch (&meter->sum_us, value, __ATOMIC_RELAXED);
    __atomic_add_fetch (&meter->counts[i], 1, __ATOMIC_RELAXED);
}

void aut_meter_add (aut_meter_t *meter, int64_t us)
{
    add (meter, quick, us);
}

void aut_meters_chunk (aut_meters_t *self, const char *device, double seconds)
{
    char name[sizeof self->chunks->name] = "";
    size_t len = strspn (device, "abcdefghijklmnopqrstuvwxyz0123456789-_"), i = 0;
    memcpy (name, device, len < sizeof name ? len : sizeof name - 1);
    if (!len || len >= sizeof name || (device[len] && device[len] != ':'))
        memcpy (name, "other", sizeof "other");
    while (i < AUT_METER_CLASSES - 1 && self->chunks[i].name[0] &&
           strcmp (self->chunks[i].name, name) != 0)
        i++;
    if (!self->chunks[i].name[0])
        memcpy (self->chunks[i].name, i == AUT_METER_CLASSES - 1 ? "other" : name,
                i == AUT_METER_CLASSES - 1 ? sizeof "other" : sizeof name);
    double most = 1e12;
    add (&self->chunks[i].meter, slow, (int64_t)((seconds < most ? seconds : most) * 1e6));
}

/* ---- text ------------------------------------------------------------------------------------ */

void aut_metric_head (aut_buffer_t *out, const char *name, const char *type, const char *help)
{
    aut_buffer_format (out, "# HELP auteur_%s %s\n# TYPE auteur_%s %s\n", name, help, name, type);
}

void aut_metric_one (aut_buffer_t *out, const char *name, const char *type, const char *help,
                     uint64_t value)
{
    aut_metric_head (out, name, type, help);
    aut_buffer_format (out, "auteur_%s %" PRIu64 "\n", name, value);
}

void aut_metric_label (aut_buffer_t *out, const char *before, const char *name, const char *value)
{
    aut_buffer_format (out, "%s%s=\"", before, name);
    for (; *value; value++) {
        if (*value == '\n')
            aut_buffer_text (out, "\\n");
        else if (*value == '\\' || *value == '"')
            aut_buffer_format (out, "\\%c", *value);
        else
            aut_buffer_append (out, value, 1);
    }
    aut_buffer_text (out, "\"");
}

/*  0.0005, 2.5, 3600: no zeros at the end. */
static void put_seconds (aut_buffer_t *out, uint64_t us)
{
    char fraction[8];
    snprintf (fraction, sizeof fraction, "%06u", (unsigned)(us % 1000000));
    for (size_t len = 6; len > 0 && fraction[len - 1] == '0'; len--)
        fraction[len - 1] = 0;
    aut_buffer_format (out, "%" PRIu64 "%s%s", us / 1000000, fraction[0] ? "." : "", fraction);
}

static void put_meter (aut_buffer_t *out, const char *name, const char *class_,
                       const aut_meter_t *meter, const uint64_t *bounds)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= AUT_METER_BUCKETS; i++) {
        count += __atomic_load_n (&meter->counts[i], __ATOMIC_RELAXED);
        aut_buffer_format (out, "auteur_%s_bucket", name);
        if (class_)
            aut_metric_label (out, "{", "class", class_);
        aut_buffer_format (out, "%sle=\"", class_ ? "," : "{");
        if (i < AUT_METER_BUCKETS)
            put_seconds (out, bounds[i]);
        else
            aut_buffer_text (out, "+Inf");
        aut_buffer_format (out, "\"} %" PRIu64 "\n", count);
    }
    for (int sum = 1; sum >= 0; sum--) {
        aut_buffer_format (out, "auteur_%s_%s", name, sum ? "sum" : "count");
        if (class_) {
            aut_metric_label (out, "{", "class", class_);
            aut_buffer_text (out, "}");
        }
        aut_buffer_text (out, " ");
        if (sum)
            put_seconds (out, __atomic_load_n (&meter->sum_us, __ATOMIC_RELAXED));
        else
            aut_buffer_format (out, "%" PRIu64, count);
        aut_buffer_text (out, "\n");
    }
}

void aut_meters_put (const aut_meters_t *self, aut_buffer_t *out)
{
    aut_metric_head (out, "store_commit_duration_seconds", "histogram",
                     "What a commit of the database took.");
    put_meter (out, "store_commit_duration_seconds", NULL, &self->commit, quick);
    aut_metric_head (out, "event_lag_seconds", "histogram",
                     "From an event's commit to its sending.");
    put_meter (out, "event_lag_seconds", NULL, &self->event_lag, quick);
    aut_metric_head (out, "chunk_seconds", "histogram",
                     "What rendering a chunk took, by the device's class.");
    for (size_t i = 0; i < AUT_METER_CLASSES && self->chunks[i].name[0]; i++)
        put_meter (out, "chunk_seconds", self->chunks[i].name, &self->chunks[i].meter, slow);
}
