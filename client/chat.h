/*  One question to a language model over HTTP: an OpenAI-compatible server, or Ollama. One thread;
 *  waits are bounded and stop when the user interrupts.
 */
#ifndef AUT_CLIENT_CHAT_H
#define AUT_CLIENT_CHAT_H

#include <jansson.h>
#include <stdbool.h>

typedef struct {
    const char *url;   /* "http://host:port", with a path or without; /api/chat means Ollama */
    const char *model; /* its name on the server */
    const char *key;   /* sent as a bearer token, or NULL; never logged */
    double timeout;    /* seconds for one answer */
} aut_chat_t;

/*  Asks with `messages` ([{"role","content"}], borrowed) for an answer that fits `schema`
 *  (borrowed). 0 and the answer's text, which the caller frees; AUT_ERR_INVALID for a bad URL,
 *  AUT_ERR_CANCELLED when interrupted, AUT_ERR_TIMEOUT, AUT_ERR_UNREACHABLE, AUT_ERR_DENIED for a
 *  refused key, AUT_ERR_TOO_LARGE, AUT_ERR_CORRUPT for an answer that is not of either form.
 *  AUT_ERR_INVALID stands for the URL alone. */
int aut_chat_ask (char **answer, const aut_chat_t *chat, const json_t *messages,
                  const json_t *schema);

#endif
