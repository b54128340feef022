/*  The commands of `auteur`: one file each, one line each in the table of main.c.
 */
#ifndef AUT_CLIENT_COMMAND_H
#define AUT_CLIENT_COMMAND_H

/*  Exit codes that scripts rely on. */
enum {
    AUT_EXIT_DONE = 0,
    AUT_EXIT_FAILED = 1,
    AUT_EXIT_USAGE = 2,
    AUT_EXIT_UNREACHABLE = 3,
    AUT_EXIT_PARTIAL = 4,
    AUT_EXIT_INTERRUPTED = 130,
};

/*  argv[0] is the command's name. Each returns an exit code. */
int aut_cmd_new (int argc, char **argv);
int aut_cmd_validate (int argc, char **argv);
int aut_cmd_schema (int argc, char **argv);
int aut_cmd_plan (int argc, char **argv);
int aut_cmd_render (int argc, char **argv);
int aut_cmd_submit (int argc, char **argv);
int aut_cmd_watch (int argc, char **argv);
int aut_cmd_jobs (int argc, char **argv);
int aut_cmd_cancel (int argc, char **argv);
int aut_cmd_retry (int argc, char **argv);
int aut_cmd_fetch (int argc, char **argv);
int aut_cmd_stitch (int argc, char **argv);
int aut_cmd_import (int argc, char **argv);
int aut_cmd_export (int argc, char **argv);
int aut_cmd_sheet (int argc, char **argv);
int aut_cmd_nodes (int argc, char **argv);
int aut_cmd_status (int argc, char **argv);
int aut_cmd_models (int argc, char **argv);
int aut_cmd_explain (int argc, char **argv);
int aut_cmd_keys (int argc, char **argv);
int aut_cmd_doctor (int argc, char **argv);
int aut_cmd_version (int argc, char **argv);
int aut_cmd_top (int argc, char **argv);
int aut_cmd_preview (int argc, char **argv);

#endif
