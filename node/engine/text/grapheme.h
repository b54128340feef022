/*  Grapheme clusters: what a reader takes for one character (Unicode Standard Annex #29, extended
 *  grapheme clusters, rules GB3 to GB13).
 */
#ifndef AUT_ENGINE_TEXT_GRAPHEME_H
#define AUT_ENGINE_TEXT_GRAPHEME_H

#include <stddef.h>

/*  The length in bytes of the cluster at the start of `size` > 0 bytes of valid UTF-8. */
size_t aut_grapheme_next (const char *text, size_t size);

#endif
