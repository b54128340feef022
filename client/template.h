/*  templates/storyboard.template.json, built into the program. */
#ifndef AUT_CLIENT_TEMPLATE_H
#define AUT_CLIENT_TEMPLATE_H

#include <stddef.h>

extern const char aut_template_storyboard[];
extern const size_t aut_template_storyboard_size;

#endif
