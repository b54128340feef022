/*  fault_campaign: real processes under seeded faults; see campaign.h, and docs/developer.md. */
#include "lib/core/options.h"
#include "tests/faults/campaign.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int64_t seed, faults, limit;
    double hours;
    const char *bin, *where, *only;
    int64_t pause;
    bool verbose, keep;
} arguments_t;

static void write_text (const char *path, const char *text)
{
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? write (fd, text, strlen (text)) : 0;
    (void)n; /* then no tmpfs can be mounted, which is said */
    if (fd >= 0)
        close (fd);
}

/*  Mounts of our own, which end with us: for disks that can be filled. As root, or as the root of
 *  a user namespace where the system allows it. */
static void have_own_mounts (void)
{
    char map[64];
    uid_t uid = geteuid ();
    gid_t gid = getegid ();
    if (unshare (CLONE_NEWNS) < 0 && unshare (CLONE_NEWUSER | CLONE_NEWNS) == 0) {
        write_text ("/proc/self/setgroups", "deny");
        snprintf (map, sizeof map, "0 %u 1", (unsigned)uid);
        write_text ("/proc/self/uid_map", map);
        snprintf (map, sizeof map, "0 %u 1", (unsigned)gid);
        write_text ("/proc/self/gid_map", map);
    }
    mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int soak (campaign_options_t *options, double hours)
{
    time_t began = time (NULL);
    int worst = 0;
    for (unsigned round = 1; difftime (time (NULL), began) < hours * 3600; round++) {
        printf ("%.2f h, round %u: ", difftime (time (NULL), began) / 3600, round);
        int code = campaign_run (options);
        fflush (stdout);
        if (code == 130)
            return code;
        worst = code > worst ? code : worst;
        options->seed++;
    }
    printf ("soak: %s\n",
            worst ? "some rounds FAILED, their logs are kept" : "every round was good");
    return worst;
}

int main (int argc, char **argv)
{
    arguments_t args = {.seed = 1, .faults = 200, .limit = 360, .bin = AUTEUR_BIN_DIR};
    const aut_opt_t table[] = {
        {"seed", 0, AUT_OPT_INT, &args.seed, "N", "which schedule of faults (1)", NULL, 0,
         INT64_MAX},
        {"faults", 0, AUT_OPT_INT, &args.faults, "N", "faults that have to count (200)", NULL, 1,
         100000},
        {"limit", 0, AUT_OPT_INT, &args.limit, "SECONDS", "for one campaign (360)", NULL, 1,
         1000000},
        {"hours", 0, AUT_OPT_NUMBER, &args.hours, "HOURS",
         "one campaign after the other, each with the next seed", NULL, 0, 100000},
        {"only", 0, AUT_OPT_STRING, &args.only, "KIND", "one kind of fault alone (all)", NULL, 0,
         0},
        {"pause", 0, AUT_OPT_INT, &args.pause, "MS", "so much longer between faults (0)", NULL, 0,
         1000000},
        {"bin", 0, AUT_OPT_STRING, &args.bin, "DIR", "the programs (those of this build)", NULL, 0,
         0},
        {"where", 0, AUT_OPT_STRING, &args.where, "DIR", "where folders are made (TMPDIR)",
         "TMPDIR", 0, 0},
        {"keep", 0, AUT_OPT_FLAG, &args.keep, NULL, "keep the folder of a campaign that failed",
         NULL, 0, 0},
        {"verbose", 'v', AUT_OPT_FLAG, &args.verbose, NULL, "tell each fault", NULL, 0, 0},
        {0}};
    const aut_opt_info_t info = {
        .program = "fault_campaign",
        .usage = "[--seed N] [--hours H]",
        .about = "Starts a broker, nodes and clients, disturbs them, and compares the films with\n"
                 "those of an undisturbed run."};
    switch (aut_options_parse (&info, table, argc, argv, NULL, NULL)) {
    case AUT_OPT_EXIT_OK:
        return 0;
    case AUT_OPT_EXIT_USAGE:
        return 2;
    default:
        break;
    }
    if (args.only && !faults_known (args.only)) {
        fprintf (stderr, "fault_campaign: --only %s: no such kind of fault\n", args.only);
        return 2;
    }
    setvbuf (stdout, NULL, _IOLBF, 0);
    have_own_mounts ();
    proc_adopt_orphans ();
    aut_net_init ();
    campaign_options_t options = {.seed = (uint64_t)args.seed,
                                  .target = (unsigned)args.faults,
                                  .limit_ms = args.limit * 1000,
                                  .bin = args.bin,
                                  .where = args.where && *args.where ? args.where : "/tmp",
                                  .only = args.only,
                                  .pause_ms = args.pause,
                                  .brief = args.hours > 0,
                                  .verbose = args.verbose,
                                  .keep = args.keep};
    return args.hours > 0 ? soak (&options, args.hours) : campaign_run (&options);
}
