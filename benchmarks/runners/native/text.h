/* Texts of bounded length, and whole files. */
#ifndef RAPSAM_TEXT_H
#define RAPSAM_TEXT_H

#include "platform.h"

#define REASON_SIZE 1024

/* A text that grows; `data` ends with a zero. */
struct text {
  char *data;
  size_t size, room;
};

/* Appends; a program without memory for that ends. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a string of JSON: what is no plain ASCII becomes '?'. */
void text_add_quoted(struct text *text, const char *value);

/* Formats into a buffer of `size` bytes, cutting what is too long. */
void format_text(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Returns memory, or ends the program. */
void *grown(void *memory, size_t bytes);

/* Reads a file of at most `limit` bytes and adds a zero; NULL, and errno is set, if it cannot be read. */
char *read_file(const char *path, size_t limit, size_t *size);

/* Writes all bytes to a handle; 0, or -1 and errno. */
int write_all(int handle, const void *data, size_t size);

/* Writes a file under another name and renames it, so that nobody reads half of it; 0, or -1 and errno. */
int write_file(const char *path, const void *data, size_t size);

#endif
