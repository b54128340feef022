/*  Manifests out of diffusers folders: see derive.h. What is read here is from outside: every
 * number is bounded before it is used, and the text that comes out is read as any manifest is. */
#include "lib/film/derive.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hash.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX "model_index.json"
#define CONFIG_MAX_BYTES ((size_t)1 << 20)
#define ID_MAX 63
#define WIDE_MODEL 5120 /* channels of a 14B transformer */
#define FILES_MAX 4096

/*  What the configs say. */
typedef struct {
    bool image, tokens; /* starts from pictures; a timestep per token (TI2V) */
    bool two_pictures;  /* trained for a first and a last one */
    bool experts;
    int64_t width;             /* channels of the transformer */
    int64_t spatial, temporal; /* pixels and frames to a latent */
    int64_t patch[3];
    uint64_t transformer, total; /* bytes of weights */
    char digest[13];             /* of configs and the weights' sizes */
} facts_t;

typedef struct {
    const char *folder;
    aut_hasher_t *hasher;
    facts_t *facts;
} reader_t;

bool aut_derive_is_folder (const char *folder)
{
    char *path = aut_path_join (folder, INDEX, NULL);
    bool exists = aut_file_exists (path);
    free (path);
    return exists;
}

char *aut_derive_id (const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char *id = aut_strndup (*name ? name : "model", strnlen (*name ? name : "model", ID_MAX));
    for (size_t i = 0; id[i]; i++)
        if (!strchr (allowed, id[i]) && (i == 0 || !strchr ("._-", id[i])))
            id[i] = i == 0 ? 'm' : '-';
    return id;
}

/* ---- reading --------------------------------------------------------------------------------- */

/*  A config of the folder; NULL without an error where `file` is not there and not needed. */
static int load (reader_t *self, json_t **out, const char *part, const char *file, bool needed)
{
    char *path = part ? aut_path_join (self->folder, part, file, NULL)
                      : aut_path_join (self->folder, file, NULL);
    char *data = NULL;
    size_t size = 0;
    int rc = AUT_OK;
    *out = NULL;
    if (needed || aut_file_exists (path))
        rc = aut_file_read (path, CONFIG_MAX_BYTES, &data, &size);
    if (rc == AUT_OK && data) {
        aut_hasher_update (self->hasher, data, size);
        rc = aut_json_parse (out, data, size, path);
    }
    if (rc == AUT_OK && *out && !json_is_object (*out))
        rc = aut_fail (AUT_ERR_INVALID, "%s: is not a JSON object", path);
    if (rc != AUT_OK) {
        json_decref (*out);
        *out = NULL;
    }
    free (data);
    free (path);
    return rc;
}

/*  A whole number of 1 … max, or `otherwise` where there is none. */
static int64_t number (const json_t *config, const char *key, int64_t otherwise, int64_t max)
{
    int64_t value = json_integer_value (json_object_get (config, key));
    return value >= 1 && value <= max ? value : otherwise;
}

/*  The pipelines that the backend `wan` runs. */
static int read_index (reader_t *self)
{
    json_t *index;
    int rc = load (self, &index, NULL, INDEX, true);
    if (rc != AUT_OK)
        return rc;
    const char *name = json_string_value (json_object_get (index, "_class_name"));
    self->facts->image = name && strcmp (name, "WanImageToVideoPipeline") == 0;
    self->facts->tokens = json_is_true (json_object_get (index, "expand_timesteps"));
    self->facts->experts = json_number_value (json_object_get (index, "boundary_ratio")) > 0;
    if (!name || (!self->facts->image && strcmp (name, "WanPipeline") != 0))
        rc = aut_fail (AUT_ERR_UNSUPPORTED,
                       "%s/" INDEX ": its pipeline is not one that auteur runs; supported: "
                       "WanPipeline, WanImageToVideoPipeline",
                       self->folder);
    json_decref (index);
    return rc;
}

static int read_transformer (reader_t *self)
{
    facts_t *facts = self->facts;
    json_t *config, *second;
    int rc = load (self, &config, "transformer", "config.json", !facts->experts);
    if (rc != AUT_OK)
        return rc;
    rc = load (self, &second, "transformer_2", "config.json", facts->experts);
    const json_t *from = config ? config : second;
    facts->width = number (from, "num_attention_heads", 1, 1024) *
                   number (from, "attention_head_dim", 1, 1024);
    facts->two_pictures = json_is_integer (json_object_get (from, "pos_embed_seq_len"));
    const json_t *patch = json_object_get (from, "patch_size");
    for (size_t i = 0; i < 3; i++) {
        int64_t side = json_integer_value (json_array_get (patch, i));
        facts->patch[i] = side >= 1 && side <= 16 ? side : i == 0 ? 1 : 2;
    }
    json_decref (config);
    json_decref (second);
    return rc;
}

static int read_vae (reader_t *self)
{
    facts_t *facts = self->facts;
    json_t *config;
    int rc = load (self, &config, "vae", "config.json", true);
    if (rc != AUT_OK)
        return rc;
    const json_t *stages = json_object_get (config, "dim_mult");
    const json_t *times = json_object_get (config, "temperal_downsample");
    size_t count = json_array_size (stages);
    facts->spatial = number (config, "patch_size", 1, 16)
                     << (count >= 1 && count <= 6 ? count - 1 : 3);
    facts->temporal = times ? 1 : 4;
    for (size_t i = 0; i < json_array_size (times) && i < 6; i++)
        facts->temporal *= json_is_true (json_array_get (times, i)) ? 2 : 1;
    json_decref (config);
    return AUT_OK;
}

/* ---- weights --------------------------------------------------------------------------------- */

static int compare_names (const void *a, const void *b)
{
    return strcmp (*(char *const *)a, *(char *const *)b);
}

static bool is_weights (const char *name)
{
    const char *end = strrchr (name, '.');
    return name[0] != '.' && end && strcmp (end, ".safetensors") == 0;
}

/*  The bytes of a component's weights; their names and sizes go into the digest. */
static uint64_t weigh (reader_t *self, const char *part)
{
    char *dir = aut_path_join (self->folder, part, NULL), **names = NULL;
    size_t count = 0, cap = 0;
    uint64_t bytes = 0;
    DIR *folder = opendir (dir);
    for (const struct dirent *item; folder && count < FILES_MAX && (item = readdir (folder));) {
        if (!is_weights (item->d_name))
            continue;
        names = aut_grow (names, &cap, count + 1, sizeof *names);
        names[count++] = aut_strdup (item->d_name);
    }
    if (folder)
        closedir (folder);
    if (count)
        qsort (names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        char *path = aut_path_join (dir, names[i], NULL);
        struct stat info;
        uint64_t size = stat (path, &info) == 0 ? (uint64_t)info.st_size : 0;
        char *line = aut_sprintf ("%s/%s %llu\n", part, names[i], (unsigned long long)size);
        aut_hasher_update (self->hasher, line, strlen (line));
        bytes += size;
        free (line);
        free (path);
        free (names[i]);
    }
    free (names);
    free (dir);
    return bytes;
}

static int read_folder (facts_t *facts, const char *folder)
{
    static const char *const parts[] = {"transformer", "transformer_2", "vae", "text_encoder",
                                        "image_encoder"};
    reader_t self = {.folder = folder, .hasher = aut_hasher_new (), .facts = facts};
    json_t *scheduler = NULL;
    int rc = read_index (&self);
    if (rc == AUT_OK)
        rc = read_transformer (&self);
    if (rc == AUT_OK)
        rc = read_vae (&self);
    if (rc == AUT_OK)
        rc = load (&self, &scheduler, "scheduler", "scheduler_config.json", true);
    json_decref (scheduler);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        uint64_t bytes = weigh (&self, parts[i]);
        facts->total += bytes;
        if (i < 2 && bytes > facts->transformer)
            facts->transformer = bytes;
    }
    char hex[AUT_HASH_HEX];
    aut_hash_t hash = aut_hasher_final (self.hasher);
    snprintf (facts->digest, sizeof facts->digest, "%.12s", aut_hash_hex (&hash, hex));
    aut_hasher_destroy (&self.hasher);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

/*  Tenths of GB, rounded up. */
static json_t *gigabytes (double bytes)
{
    return json_real ((double)((uint64_t)(bytes / 1e8) + 1) / 10.0);
}

static json_t *capabilities (const facts_t *facts)
{
    if (facts->tokens)
        return json_pack ("[s, s, s]", "text-to-video", "image-to-video", "video-continuation");
    if (facts->image && facts->two_pictures)
        return json_pack ("[s]", "first-last-frame");
    if (facts->image)
        return json_pack ("[s, s, s]", "image-to-video", "first-last-frame", "video-continuation");
    return json_pack ("[s]", "text-to-video");
}

static json_t *video (const facts_t *facts, const char *name)
{
    int64_t side = facts->patch[1] > facts->patch[2] ? facts->patch[1] : facts->patch[2];
    int64_t by = facts->spatial * side, step = facts->temporal * facts->patch[0];
    bool large = facts->tokens || (facts->width >= WIDE_MODEL && !strstr (name, "480"));
    int64_t width = (large ? 1280 : 832) / by * by, height = (large ? 720 : 480) / by * by;
    int64_t most = ((facts->tokens ? 121 : 81) - 1) / step * step + 1;
    int64_t least = (64 + by - 1) / by * by;
    json_t *value = json_pack (
        "{s:i, s:{s:I, s:i, s:I}, s:{s:I, s:[I,I], s:[I,I], s:[I,I]}}", "fps",
        facts->tokens ? 24 : 16, "frames", "multiple", (json_int_t)step, "offset", 1, "max",
        (json_int_t)most, "size", "multiple", (json_int_t)by, "default",
        (json_int_t)(width ? width : by), (json_int_t)(height ? height : by), "min",
        (json_int_t)least, (json_int_t)least, "max", (json_int_t)(1280 > width ? 1280 : width),
        (json_int_t)(1280 > height ? 1280 : height));
    if (value && (facts->tokens || facts->image))
        json_object_set_new (value, "tail",
                             json_pack ("{s:i, s:I}", "min", 1, "max",
                                        facts->tokens ? (json_int_t)(step + 1) : (json_int_t)1));
    return value;
}

static json_t *auteur (const facts_t *facts, const char *name, const char *source)
{
    double guidance = !facts->experts ? 5.0 : facts->image ? 3.5 : 4.0;
    json_t *value = json_pack ("{s:s}", "backend", "wan");
    if (source)
        json_object_set_new (value, "source", json_string (source));
    json_object_set_new (value, "video", video (facts, name));
    json_object_set_new (value, "tiers",
                         json_pack ("{s:{s:i, s:f}, s:{s:i, s:f}, s:{s:i, s:f}}", "draft", "steps",
                                    20, "guidance", guidance, "standard", "steps", 40, "guidance",
                                    guidance, "final", "steps", 50, "guidance", guidance));
    json_object_set_new (value, "precision", json_pack ("[s, s]", "bf16", "fp32"));
    return value;
}

int aut_derive_manifest (char **json, const char *folder, const char *id, const char *name,
                         const char *source)
{
    facts_t facts = {0};
    *json = NULL;
    int rc = read_folder (&facts, folder);
    if (rc != AUT_OK)
        return rc;
    char *version = aut_sprintf ("0.0.0+%s", facts.digest);
    json_t *value = json_pack (
        "{s:s, s:s, s:s, s:s, s:{s:o, s:o}, s:[], s:o, s:s, s:s, s:o}", "id", id, "name", name,
        "version", version, "type", "video", "requirements", "vram",
        gigabytes (1.2 * (double)facts.transformer), "disk_space", gigabytes ((double)facts.total),
        "files", "capabilities", capabilities (&facts), "license", "NOASSERTION", "description",
        "Derived from the folder's own configs; put a model.json beside them to say more.",
        "auteur", auteur (&facts, name, source));
    free (version);
    *json =
        value ? json_dumps (value, JSON_INDENT (2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION (9))
              : NULL;
    json_decref (value);
    return *json ? AUT_OK
                 : aut_fail (AUT_ERR_INVALID, "%s: no manifest can be made of its name", folder);
}
