/*  The judge: what nodes say, and must keep until they are answered. */
#include "tests/sim/oracle_internal.h"

#include <inttypes.h>
#include <string.h>

/*  Made if it is not there and there is room. */
static ora_said_t *said_of (ora_task_t *task, uint32_t attempt, const uint8_t *instance)
{
    for (uint32_t i = 0; i < task->said_count; i++)
        if (task->said[i].attempt == attempt && !memcmp (task->said[i].instance, instance, 16))
            return &task->said[i];
    if (task->said_count == ORA_SAID)
        return NULL;
    ora_said_t *said = &task->said[task->said_count++];
    *said = (ora_said_t){.attempt = attempt};
    memcpy (said->instance, instance, 16);
    return said;
}

static void tells_end (oracle_t *self, const uint8_t *instance, const aut_msg_t *msg)
{
    ora_task_t *task = ora_task (self, msg->ack.token.task, NULL);
    uint32_t attempt = msg->ack.token.attempt;
    if (!task)
        return;
    if (msg->type == AUT_MSG_DONE && !task->results) { /* later it may be damaged */
        ora_check_blob (self, &msg->done.mezzanine, "mezzanine that a node calls stored", task->id);
        ora_check_blob (self, &msg->done.tail, "tail that a node calls stored", task->id);
    }
    ora_said_t *said = said_of (task, attempt, instance);
    if (said)
        said->told = true;
}

static bool is_listed (const aut_msg_hello_t *hello, uint64_t task, uint32_t attempt)
{
    for (size_t i = 0; i < hello->held_count; i++)
        if (hello->held[i].task == task && hello->held[i].attempt == attempt)
            return true;
    return false;
}

/*  What it has told the end of, and has no answer to, it must still have. */
static void tells_hello (oracle_t *self, const aut_msg_hello_t *hello)
{
    for (size_t i = 0; i < self->job_count; i++)
        for (uint32_t k = 0; k < self->jobs[i].count; k++) {
            const ora_task_t *task = &self->jobs[i].tasks[k];
            for (uint32_t s = 0; s < task->said_count; s++)
                if (task->said[s].told && !task->said[s].answered &&
                    !memcmp (task->said[s].instance, hello->instance, 16) &&
                    !is_listed (hello, task->id, task->said[s].attempt))
                    ora_complain (self, "%s has forgotten t%" PRIu64 " before it was answered",
                                  hello->name, task->id);
        }
}

void oracle_node_sends (oracle_t *self, const uint8_t *instance, const uint8_t *bytes, size_t size)
{
    aut_msg_t msg = {0};
    uint8_t type = bytes[4];
    if ((type == AUT_MSG_DONE || type == AUT_MSG_FAIL || type == AUT_MSG_HELLO) &&
        !aut_msg_decode (&msg, bytes, AUT_HEAD_SIZE, bytes + AUT_HEAD_SIZE, size - AUT_HEAD_SIZE)) {
        if (type == AUT_MSG_HELLO)
            tells_hello (self, &msg.hello);
        else
            tells_end (self, instance, &msg);
    }
    aut_msg_clear (&msg);
}

void ora_answered (oracle_t *self, const ora_talk_t *talk, const aut_token_t *token)
{
    ora_task_t *task = ora_task (self, token->task, NULL);
    ora_said_t *said = task && talk ? said_of (task, token->attempt, talk->instance) : NULL;
    if (said)
        said->answered = true;
}
