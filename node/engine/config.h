/*  Bounded reads of a component's config.json ("transformer/config.json"). The file comes from
 *  outside: every value has a range, and a value that is wrong is named with its file and key.
 *
 *  A config's errors stick like a context's: the first bad value is kept, later reads give the
 *  default, and config_status asks once at the end.
 */
#ifndef AUT_ENGINE_CONFIG_H
#define AUT_ENGINE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct config config_t;

/*  Reads the file at `path` (at most 4 MiB). `label` is how errors name it, relative to the model's
 *  folder ("vae/config.json"); copied. AUT_ERR_NOT_FOUND, or AUT_ERR_INVALID with the line of a
 *  fault. Freed with config_close. */
int config_open (config_t **out, const char *path, const char *label);
/*  The same from `size` bytes in memory. */
int config_parse (config_t **out, const char *data, size_t size, const char *label);
/*  The same for `file` ("config.json") of a component: `folder` is where it lies, `label` what
 * errors call it ("vae"). */
int config_open_in (config_t **out, const char *folder, const char *label, const char *file);
void config_close (config_t **self_p);

/*  0, or the first error: AUT_ERR_INVALID, "vae/config.json: z_dim: 0 is not in 1 … 4096", which is
 *  then aut_error_detail () again. */
int config_status (const config_t *self);
/*  Records an error of the reader's own about a key. Returns the status. */
int config_fail (config_t *self, const char *key, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
const char *config_label (const config_t *self);

/*  In all that follows a key may lead into objects: "size.shortest_edge". What is not there,
 * because something on the way is no object either, is absent.
 *
 *  Whether the key is there and not null. */
bool config_has (const config_t *self, const char *key);
/*  A whole number (5 or 5.0) in low … high; `otherwise` when absent or null. */
int64_t config_int (config_t *self, const char *key, int64_t otherwise, int64_t low, int64_t high);
/*  As config_int, but the key must be there. */
int64_t config_need_int (config_t *self, const char *key, int64_t low, int64_t high);
double config_number (config_t *self, const char *key, double otherwise, double low, double high);
bool config_bool (config_t *self, const char *key, bool otherwise);
/*  A string, borrowed; `otherwise` when absent or null. */
const char *config_string (config_t *self, const char *key, const char *otherwise);
/*  An array of whole numbers in low … high; returns how many (0 when absent or null), an error if
 *  there are more than `max`. */
size_t config_ints (config_t *self, const char *key, int64_t *out, size_t max, int64_t low,
                    int64_t high);
/*  The same for finite numbers, and for true and false. */
size_t config_numbers (config_t *self, const char *key, double *out, size_t max);
size_t config_bools (config_t *self, const char *key, bool *out, size_t max);

#endif
