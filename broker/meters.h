/*  Histograms of the broker's own times, and the words of the Prometheus text (format 0.0.4).
 *
 *  Any thread adds; whoever prints sees each number as it is at the moment. Memory is fixed.
 */
#ifndef AUT_BROKER_METERS_H
#define AUT_BROKER_METERS_H

#include "lib/core/buffer.h"

#include <stdint.h>

#define AUT_METER_BUCKETS 18
#define AUT_METER_CLASSES 8 /* of devices that are told apart; what comes later is "other" */

typedef struct {
    uint64_t counts[AUT_METER_BUCKETS + 1]; /* the last: above every bound */
    uint64_t sum_us;
} aut_meter_t;

typedef struct {
    aut_meter_t commit;    /* of the store */
    aut_meter_t event_lag; /* from an event's making to its sending */
    struct {
        char name[16];
        aut_meter_t meter;
    } chunks[AUT_METER_CLASSES]; /* of results, by the device's class; the loop's own */
} aut_meters_t;

/*  A time below a second, as a rule: 0.5 ms … 60 s. Negative counts as 0. */
void aut_meter_add (aut_meter_t *meter, int64_t us);
/*  What a chunk took on `device` ("cuda:0": class cuda). On the loop's thread. */
void aut_meters_chunk (aut_meters_t *self, const char *device, double seconds);

/*  "# HELP auteur_NAME …" and "# TYPE …". */
void aut_metric_head (aut_buffer_t *out, const char *name, const char *type, const char *help);
/*  Head and value of a metric without labels. */
void aut_metric_one (aut_buffer_t *out, const char *name, const char *type, const char *help,
                     uint64_t value);
/*  NAME="VALUE", escaped; `before` is "{" or ",". */
void aut_metric_label (aut_buffer_t *out, const char *before, const char *name, const char *value);
/*  Every histogram, with its head. */
void aut_meters_put (const aut_meters_t *self, aut_buffer_t *out);

#endif
