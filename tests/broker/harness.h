/*  What the broker's tests share: a state folder, films to submit, and a node that says whatever a
 *  test wants it to say. Everything waits for messages, nothing for time.
 */
#ifndef AUT_TESTS_BROKER_HARNESS_H
#define AUT_TESTS_BROKER_HARNESS_H

#include "broker/broker.h"
#include "proto/client.h"

#include <check.h>
#include <stdlib.h>
#include <sys/types.h>

#define PATIENCE_MS 60000 /* for what must come */

/*  Fails the test with the last error's sentence. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        int ok_rc = (call);                                                                        \
        ck_assert_msg (ok_rc == 0, #call ": %d: %s", ok_rc, aut_error_detail ());                  \
    } while (0)

/*  A new folder; removed by the next call of drop_dir. */
char *make_dir (void);
void drop_dir (char *dir);

/*  A broker in this process on free ports, and its addresses. `options` may be NULL. */
aut_broker_t *start_broker (const char *dir, const aut_broker_options_t *options,
                            aut_endpoints_t *endpoints);

/*  The program auteur-broker on `dir` with a free port, ready; `extra` (NULL-ended, may be NULL)
 *  are further arguments. */
pid_t spawn_broker (const char *dir, const char *const *extra, aut_endpoints_t *endpoints);
/*  Starts it with exactly these arguments; stderr to `log` if not NULL. */
pid_t spawn_program (const char *const *args, const char *log);
/*  Waits for the end; the exit code, or 128 + signal. */
int wait_program (pid_t pid);

/*  The text of a storyboard of `shots` shots of `seconds` each at 10 frames a second, 32×32. */
char *make_storyboard (const char *project, int shots, double seconds);

/*  Uploads and submits; the job's id, which the caller frees. */
int submit (aut_client_t *client, const char *storyboard, const char *key, int32_t priority,
            char **job);
/*  The same with the JSON object of its assets' hashes. */
int submit_with (aut_client_t *client, const char *storyboard, const char *assets, const char *key,
                 int32_t priority, char **job);
char *submit_film (aut_client_t *client, const char *project, int shots, double seconds);

/*  A node under the test's hand. */
typedef struct {
    zsock_t *sock;
    aut_artifact_client_t *artifacts;
    aut_endpoints_t endpoints;
    char name[64];
    uint8_t instance[16];
    uint32_t workers, credit;
    uint64_t epoch;  /* of the last WELCOME */
    char given[128]; /* its name there */
} node_t;

node_t *new_node (const aut_endpoints_t *endpoints, const char *name, uint32_t workers,
                  uint32_t credit);
void drop_node (node_t **node);
/*  The same node at another broker's addresses. */
void move_node (node_t *node, const aut_endpoints_t *endpoints);

/*  HELLO with what it holds, without waiting. */
void say_hello (node_t *node, const aut_msg_held_t *held, size_t count);
/*  HELLO and the WELCOME that answers. */
void join (node_t *node);

/*  The next message but PING and PONG; false if none came in time. Clear it. */
bool hear (node_t *node, int timeout_ms, aut_received_t *in);
/*  The next message must be of this type. */
void expect (node_t *node, aut_msg_type_t type, aut_received_t *in);
/*  Waits for an ASSIGN and gives its token. */
aut_token_t take_task (node_t *node);
/*  Asserts that nothing comes for so long. */
void expect_silence (node_t *node, int ms);

void say_token (node_t *node, aut_msg_type_t type, const aut_token_t *token);
void say_fail (node_t *node, const aut_token_t *token, const char *code);
/*  Uploads a clip and a tail made from `text`, and says DONE. `used` may be NULL. */
void say_done (node_t *node, const aut_token_t *token, const char *text, const aut_hash_t *used);
/*  The same with refs of the test's own. */
void say_done_with (node_t *node, const aut_token_t *token, aut_ref_t mezzanine, aut_ref_t tail,
                    const aut_hash_t *used);

/*  One status query; the reply is the caller's. */
json_t *query (aut_client_t *client, const char *text);
/*  Queries a job until its state is `state`. */
void await_job (aut_client_t *client, const char *job, const char *state);
/*  Queries until the node has this state. */
void await_node (aut_client_t *client, const char *name, const char *state);

#endif
