/*  The breakdown of a script by a language model: asked with the storyboard's schema, checked as
 *  every storyboard is, and asked again with what is wrong.
 */
#ifndef AUT_CLIENT_IMPORT_LLM_H
#define AUT_CLIENT_IMPORT_LLM_H

#include "client/chat.h"
#include "lib/core/buffer.h"
#include "lib/film/import.h"
#include "lib/film/registry.h"

/*  Appends a valid storyboard for the text and fills in the report. AUT_ERR_CORRUPT when three
 *  answers were not valid, with what was wrong with the last; else the errors of aut_chat_ask. */
int aut_import_ask (aut_buffer_t *out, aut_import_report_t *report, const aut_chat_t *chat,
                    const char *text, const aut_import_options_t *options,
                    const aut_registry_t *registry);

/*  The key for the server: of `file` when not NULL, else of $AUTEUR_LLM_KEY; NULL when there is
 *  none. The caller frees it. AUT_ERR_INVALID when it cannot be read or is no key. */
int aut_import_key (char **key, const char *file);

#endif
