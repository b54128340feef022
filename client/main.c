/*  auteur: the command people use. This file knows the commands' names and nothing of what they do.
 */
#include "client/command.h"
#include "lib/core/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (command_fn) (int argc, char **argv);

static const struct {
    const char *name;
    const char *summary;
    command_fn *run;
} commands[] = {
    {"new", "write a storyboard template to start from", aut_cmd_new},
    {"import", "screenplay or text to storyboard", aut_cmd_import},
    {"schema", "the storyboard's JSON Schema, for editors", aut_cmd_schema},
    {"validate", "check a storyboard and name every mistake", aut_cmd_validate},
    {"plan", "show shots, chunks, prompts and seeds without rendering", aut_cmd_plan},
    {"render", "make the film: plan, generate, fetch and stitch", aut_cmd_render},
    {"submit", "give a storyboard to a broker and return its job id", aut_cmd_submit},
    {"watch", "follow a job to its end", aut_cmd_watch},
    {"jobs", "list jobs", aut_cmd_jobs},
    {"explain", "the story of a job: attempts, failures, nodes, times", aut_cmd_explain},
    {"preview", "the latest pictures of a running job", aut_cmd_preview},
    {"cancel", "stop a job", aut_cmd_cancel},
    {"retry", "run a job's failed or cancelled shots again", aut_cmd_retry},
    {"fetch", "bring a job's shots and metadata into a folder", aut_cmd_fetch},
    {"stitch", "assemble a fetched folder into a film", aut_cmd_stitch},
    {"sheet", "a contact sheet of a job", aut_cmd_sheet},
    {"export", "timeline for an editor (OTIO, EDL, FCPXML)", aut_cmd_export},
    {"nodes", "list nodes, or drain one", aut_cmd_nodes},
    {"status", "one look at the broker", aut_cmd_status},
    {"top", "live view of jobs, shots, nodes and devices", aut_cmd_top},
    {"models", "list, show and verify models", aut_cmd_models},
    {"keys", "make a key, and say who may use the broker here", aut_cmd_keys},
    {"doctor", "check this machine: programs, codecs, fonts, state, broker", aut_cmd_doctor},
    {"version", "print versions", aut_cmd_version},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help (FILE *out)
{
    fprintf (out, "Usage: auteur COMMAND [ARGUMENTS]\n\n"
                  "Turns a storyboard into a finished film, on this machine or on a cluster.\n\n"
                  "Start here:\n"
                  "  auteur new film.json         write a storyboard to edit\n"
                  "  auteur validate film.json    find every mistake in it\n"
                  "  auteur render film.json      make the film\n\n"
                  "Commands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf (out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf (out, "\nA cluster is named by --broker HOST[:PORT] or the variable AUTEUR_BROKER;\n"
                  "without one, auteur runs a broker and a node inside itself.\n"
                  "'auteur COMMAND --help' explains each command.\n\n"
                  "Exit codes: 0 done, 1 failed, 2 usage or invalid input, 3 broker not reached,\n"
                  "4 job failed in part, 130 interrupted.\n");
}

static int unknown_command (const char *name)
{
    const char *names[COMMAND_COUNT + 1] = {0};
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *near = aut_nearest (name, names);
    fprintf (stderr, "auteur: '%s' is not a command", name);
    if (near)
        fprintf (stderr, "; did you mean '%s'?", near);
    fprintf (stderr, "\n'auteur --help' lists them.\n");
    return AUT_EXIT_USAGE;
}

static int run_command (int argc, char **argv)
{
    const char *name = argv[1];
    if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0 || strcmp (name, "help") == 0) {
        print_help (stdout);
        return AUT_EXIT_DONE;
    }
    if (strcmp (name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp (name, commands[i].name) == 0)
            return commands[i].run (argc - 1, argv + 1);
    return unknown_command (name);
}

int main (int argc, char **argv)
{
    if (argc < 2) {
        print_help (stderr);
        return AUT_EXIT_USAGE;
    }
    int code = run_command (argc, argv);
    /* A result that could not be written is a failure, even if everything else went well. */
    if ((fflush (stdout) != 0 || ferror (stdout)) && code == AUT_EXIT_DONE) {
        fprintf (stderr, "auteur: standard output cannot be written\n");
        code = AUT_EXIT_FAILED;
    }
    return code;
}
