/*  Logs go to stderr, one line an event, as text or JSON. Thread-safe; a line is one write.
 *  The level and format are the process's, set once at start.
 */
#ifndef AUT_LIB_CORE_LOG_H
#define AUT_LIB_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { AUT_LOG_DEBUG, AUT_LOG_INFO, AUT_LOG_WARN, AUT_LOG_ERROR } aut_log_level_t;
typedef enum { AUT_LOG_TEXT, AUT_LOG_JSON } aut_log_format_t;

/*  What a line is about; any field may be NULL or 0 and is then left out. */
typedef struct {
    const char *job;
    const char *node;
    uint64_t task;
    uint32_t attempt;
} aut_log_about_t;

/*  Sets the process's level and format; call before threads start. */
void aut_log_setup (aut_log_level_t level, aut_log_format_t format);

/*  Parses "debug", "info", "warn", "error" / "text", "json"; 0 or AUT_ERR_INVALID. */
int aut_log_parse_level (aut_log_level_t *level, const char *text);
int aut_log_parse_format (aut_log_format_t *format, const char *text);

/*  Whether lines of this level are written: for those that cost something to make. */
bool aut_log_wants (aut_log_level_t level);

/*  Logs one line. `component` names the module ("broker", "node"). Control characters are escaped.
 */
void aut_log (aut_log_level_t level, const char *component, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/*  As aut_log, with the job, task, attempt and node that it is about. */
void aut_log_about (aut_log_level_t level, const char *component, const aut_log_about_t *about,
                    const char *format, ...) __attribute__ ((format (printf, 4, 5)));

#endif
