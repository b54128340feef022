/*  See confine.h. The order: everything that is looked up by name first, then Landlock, then the
 *  filter.
 */
#include "node/worker/confine.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hub.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/film/registry.h"
#include "node/worker/filter.h"

#include <dirent.h>
#include <glob.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FILE_MAX_BYTES ((rlim_t)64 << 30) /* as of a blob */
#define FILES_MAX 4096
#define DEPTH_MAX 4
#define LINKS_MAX 4096

static void read_each (aut_confine_t *list, const char *const *paths)
{
    for (; *paths; paths++)
        aut_confine_read (list, *paths);
}

static void system_places (aut_confine_t *list)
{
    static const char *const paths[] = {
        "/usr",           "/lib",       "/lib64",      "/etc/ld.so.cache",
        "/etc/localtime", "/etc/fonts", "/etc/nvidia", "/proc",
        "/sys",           NULL};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                          "/dev/urandom"};
    read_each (list, paths);
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        aut_confine_device (list, devices[i]);
    aut_confine_write (list, "/proc/self/clear_refs"); /* the peak of memory begins anew */
}

/*  Nothing is made here: the node has asked the driver for its devices before. */
static void cuda_places (aut_confine_t *list)
{
    static const char *const patterns[] = {"/dev/nvidia*", "/dev/dxg", "/dev/dri/renderD*"};
    const char *mps = getenv ("CUDA_MPS_PIPE_DIRECTORY");
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found;
        if (glob (patterns[i], 0, NULL, &found) != 0)
            continue;
        for (size_t k = 0; k < found.gl_pathc; k++)
            aut_confine_device (list, found.gl_pathv[k]);
        globfree (&found);
    }
    aut_confine_read (list, "/dev");
    aut_confine_write (list, "/dev/shm");
    aut_confine_write (list, mps && *mps ? mps : "/tmp/nvidia-mps");
}

/*  The folder of a library; of one in a Python environment all that lies beside it, because its
 *  parts load each other by need. */
static int library_place (struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    const char *slash = strrchr (info->dlpi_name, '/');
    const char *packages = strstr (info->dlpi_name, "/site-packages/");
    if (!slash || slash == info->dlpi_name)
        return 0;
    const char *end = packages ? packages + strlen ("/site-packages") : slash;
    char *folder = aut_strndup (info->dlpi_name, (size_t)(end - info->dlpi_name));
    aut_confine_read (ctx, folder);
    free (folder);
    return 0;
}

static void library_places (aut_confine_t *list)
{
    char *self = aut_path_self_dir ();
    const char *path = getenv ("LD_LIBRARY_PATH");
    if (self)
        aut_confine_read (list, self);
    free (self);
    dl_iterate_phdr (library_place, list);
    while (path && *path) {
        size_t size = strcspn (path, ":");
        char *folder = aut_strndup (path, size);
        if (*folder == '/')
            aut_confine_read (list, folder);
        free (folder);
        path += size + (path[size] == ':');
    }
}

/*  Weights are often links to another disk: the rule is for what they lead to. */
static void follow_links (aut_confine_t *list, const char *path, int depth, size_t *left)
{
    DIR *folder = opendir (path);
    for (const struct dirent *item; folder && *left && (item = readdir (folder));) {
        if (item->d_name[0] == '.' || (item->d_type != DT_LNK && item->d_type != DT_DIR))
            continue;
        char *below = aut_path_join (path, item->d_name, NULL);
        if (item->d_type == DT_LNK) {
            aut_confine_read (list, below);
            (*left)--;
        } else if (depth < DEPTH_MAX) {
            follow_links (list, below, depth + 1, left);
        }
        free (below);
    }
    if (folder)
        closedir (folder);
}

static void model_place (void *ctx, const char *dir)
{
    aut_confine_read (ctx, dir);
}

static void model_places (aut_confine_t *list, const char *models)
{
    aut_registry_t *registry = NULL;
    size_t links = LINKS_MAX;
    char *hub = aut_hub_root ();
    if (hub)
        aut_confine_read (list, hub);
    free (hub);
    aut_registry_places (models, model_place, list);
    if (aut_registry_open (&registry, models) < 0)
        return;
    for (size_t i = 0; i < aut_registry_count (registry); i++) {
        const aut_model_t *model = aut_registry_at (registry, i);
        const char *const dirs[] = {model->dir, model->weights};
        for (size_t k = 0; k < 2; k++)
            if (dirs[k]) {
                aut_confine_read (list, dirs[k]);
                follow_links (list, dirs[k], 0, &links);
            }
    }
    aut_registry_destroy (&registry);
}

static void lower (__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit limit;
    if (getrlimit (resource, &limit) < 0)
        return;
    if (limit.rlim_max > most)
        limit.rlim_max = most;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit (resource, &limit);
}

/*  No limit of the address space: CUDA and the sanitizers reserve far more than they use. None of
 *  processes either: it is counted over everything of this user. */
static void limits (void)
{
    signal (SIGXFSZ, SIG_IGN); /* a file that grows too large is EFBIG and no death */
    lower (RLIMIT_FSIZE, FILE_MAX_BYTES);
    lower (RLIMIT_NOFILE, FILES_MAX);
    lower (RLIMIT_MSGQUEUE, 0);
}

aut_confine_t *aut_worker_confine (const aut_worker_places_t *places, aut_confined_t *out)
{
    aut_confined_t confined;
    char text[256];
    aut_confine_t *list = aut_confine_new ();
    system_places (list);
    library_places (list);
    model_places (list, places->models);
    if (places->cuda)
        cuda_places (list);
    if (places->inputs)
        aut_confine_read (list, places->inputs);
    aut_confine_write (list, places->work);
    /* The driver would keep what it compiles in the home folder, for every program of this user. */
    setenv ("CUDA_CACHE_PATH", places->work, 1);
    limits ();
    if (aut_confine_apply (list, &confined) < 0)
        aut_log (AUT_LOG_WARN, "worker", "%s", aut_error_detail ());
    if (aut_worker_filter (places->cuda) == 0)
        confined.filter = true;
    else
        aut_log (AUT_LOG_WARN, "worker", "%s", aut_error_detail ());
    bool whole = confined.landlock && confined.filter && confined.no_new_privileges;
    aut_log (whole ? AUT_LOG_DEBUG : AUT_LOG_WARN, "worker", "confined: %s",
             aut_confined_text (&confined, text, sizeof text));
    if (out)
        *out = confined;
    return list;
}
