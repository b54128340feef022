/*  The two forms of the question differ in the place of the schema and of the answer. Which one a
 *  server wants is told by its URL: one that ends in /api/chat is Ollama's; without a path, port
 *  11434 is Ollama and all others are asked at /v1/chat/completions.
 */
#include "client/chat.h"
#include "client/interrupt.h"
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (16u << 20)
#define CONNECT_SECONDS 10L

typedef struct {
    CURL *curl;
    struct curl_slist *headers;
    char *url;
    bool ollama, too_large;
    aut_buffer_t body;
} request_t;

static bool ends_with (const char *text, const char *end)
{
    size_t size = strlen (text), length = strlen (end);
    return size >= length && strcmp (text + size - length, end) == 0;
}

/*  The address to post to. A key or password within the URL would be seen by everybody who lists
 *  processes, so it is refused. */
static int read_url (request_t *self, const char *url)
{
    bool plain = strncmp (url, "http://", 7) == 0, tls = strncmp (url, "https://", 8) == 0;
    const char *host = url + (tls ? 8 : 7), *path = NULL;
    if (!plain && !tls)
        return aut_fail (AUT_ERR_INVALID,
                         "--llm wants http://HOST[:PORT] or https://…, not \"%.100s\"", url);
    size_t length = strcspn (host, "/?#");
    if (memchr (host, '@', length))
        return aut_fail (AUT_ERR_INVALID, "--llm: no user or key within the address; put the key "
                                          "into AUTEUR_LLM_KEY");
    path = host + length;
    bool bare = *path == 0 || strcmp (path, "/") == 0,
         v1 = ends_with (path, "/v1") || ends_with (path, "/v1/");
    int base = (int)(strlen (url) - (ends_with (url, "/") ? 1 : 0));
    self->ollama = ends_with (path, "/api/chat") ||
                   (bare && length > 6 && strncmp (host + length - 6, ":11434", 6) == 0);
    const char *rest = !bare          ? (v1 ? "/chat/completions" : "")
                       : self->ollama ? "/api/chat"
                                      : "/v1/chat/completions";
    self->url = aut_sprintf ("%.*s%s", bare || v1 ? base : (int)strlen (url), url, rest);
    return 0;
}

static size_t on_data (char *data, size_t size, size_t count, void *ctx)
{
    request_t *self = ctx;
    if (self->body.size + size * count > ANSWER_MAX) {
        self->too_large = true;
        return 0;
    }
    aut_buffer_append (&self->body, data, size * count);
    return size * count;
}

static int on_progress (void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)ctx, (void)a, (void)b, (void)c, (void)d;
    return aut_interrupted ();
}

static char *question (const request_t *self, const aut_chat_t *chat, const json_t *messages,
                       const json_t *schema)
{
    json_t *body =
        json_pack ("{s:s, s:O, s:b}", "model", chat->model, "messages", messages, "stream", 0);
    if (self->ollama)
        json_object_set_new (body, "format", json_deep_copy (schema));
    else
        json_object_set_new (body, "response_format",
                             json_pack ("{s:s, s:{s:s, s:O}}", "type", "json_schema", "json_schema",
                                        "name", "storyboard", "schema", schema));
    char *text = json_dumps (body, JSON_COMPACT);
    json_decref (body);
    return text;
}

static void set_options (request_t *self, const aut_chat_t *chat, const char *body)
{
    CURL *curl = self->curl;
    char *bearer = chat->key ? aut_sprintf ("Authorization: Bearer %s", chat->key) : NULL;
    self->headers = curl_slist_append (self->headers, "Content-Type: application/json");
    self->headers = curl_slist_append (self->headers, "Expect:");
    if (bearer)
        self->headers = curl_slist_append (self->headers, bearer);
    free (bearer);
    curl_easy_setopt (curl, CURLOPT_URL, self->url);
    curl_easy_setopt (curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt (curl, CURLOPT_FOLLOWLOCATION, 0L); /* a key goes to nobody else */
    curl_easy_setopt (curl, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt (curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt (curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen (body));
    curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt (curl, CURLOPT_WRITEDATA, self);
    curl_easy_setopt (curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt (curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt (curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt (curl, CURLOPT_TIMEOUT_MS, (long)(chat->timeout * 1000));
    curl_easy_setopt (curl, CURLOPT_USERAGENT, "auteur/" AUTEUR_VERSION);
}

static int fault (const request_t *self, const aut_chat_t *chat, CURLcode code)
{
    if (aut_interrupted ())
        return aut_fail (AUT_ERR_CANCELLED, "interrupted");
    if (self->too_large)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s answers with more than %u MiB", self->url,
                         ANSWER_MAX >> 20);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return aut_fail (AUT_ERR_TIMEOUT, "%s gave no answer within %.0f s (--llm-timeout)",
                         self->url, chat->timeout);
    return aut_fail (AUT_ERR_UNREACHABLE, "%s: %s", self->url, curl_easy_strerror (code));
}

/*  The text within the server's answer. */
static int read_answer (const request_t *self, char **answer)
{
    json_t *root = NULL;
    int rc = aut_json_parse (&root, self->body.data ? self->body.data : "", self->body.size,
                             "the server's answer");
    if (rc)
        return aut_fail (AUT_ERR_CORRUPT, "%s does not answer with JSON", self->url);
    const json_t *message =
        self->ollama
            ? json_object_get (root, "message")
            : json_object_get (json_array_get (json_object_get (root, "choices"), 0), "message");
    const char *content = json_string_value (json_object_get (message, "content"));
    if (content)
        *answer = aut_strdup (content);
    else
        rc = aut_fail (AUT_ERR_CORRUPT, "%s answers without a message: is it %s?", self->url,
                       self->ollama ? "Ollama" : "compatible with OpenAI's");
    json_decref (root);
    return rc;
}

static int perform (request_t *self, const aut_chat_t *chat, char **answer)
{
    long status = 0;
    CURLcode code = curl_easy_perform (self->curl);
    if (code != CURLE_OK)
        return fault (self, chat, code);
    curl_easy_getinfo (self->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 401 || status == 403)
        return aut_fail (AUT_ERR_DENIED, "%s refuses the key (%ld): see AUTEUR_LLM_KEY", self->url,
                         status);
    if (status != 200)
        return aut_fail (AUT_ERR_UNREACHABLE, "%s answers %ld: %.200s", self->url, status,
                         self->body.data ? self->body.data : "");
    return read_answer (self, answer);
}

int aut_chat_ask (char **answer, const aut_chat_t *chat, const json_t *messages,
                  const json_t *schema)
{
    request_t request = {0};
    *answer = NULL;
    int rc = read_url (&request, chat->url);
    if (rc)
        return rc;
    char *body = question (&request, chat, messages, schema);
    request.curl = curl_easy_init ();
    if (request.curl && body) {
        set_options (&request, chat, body);
        rc = perform (&request, chat, answer);
        curl_easy_cleanup (request.curl);
    } else {
        rc = aut_fail (AUT_ERR_INTERNAL, "no question can be made of this text");
    }
    curl_slist_free_all (request.headers);
    aut_buffer_clear (&request.body);
    free (request.url);
    free (body);
    return rc;
}
