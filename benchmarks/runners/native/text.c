#include "text.h"

#define CHUNK 65536

void *grown(void *memory, size_t bytes) {
  void *made = realloc(memory, bytes ? bytes : 1);
  static const char words[] = "not enough memory\n";
  if (made == NULL) {
    (void)!write(2, words, sizeof words - 1);
    _exit(3);
  }
  return made;
}

static void make_room(struct text *text, size_t more) {
  if (text->size + more + 1 > text->room) {
    text->room = 2 * (text->size + more + 1);
    text->data = grown(text->data, text->room);
  }
}

void text_add(struct text *text, const char *format, ...) {
  va_list values;
  for (;;) {
    make_room(text, 64);
    size_t left = text->room - text->size;
    va_start(values, format);
    int wanted = vsnprintf(text->data + text->size, left, format, values);
    va_end(values);
    if (wanted < 0) return;
    if ((size_t)wanted < left) {
      text->size += (size_t)wanted;
      return;
    }
    make_room(text, (size_t)wanted);
  }
}

void text_add_quoted(struct text *text, const char *value) {
  make_room(text, strlen(value) + 2);
  char *to = text->data + text->size;
  *to++ = '"';
  for (; *value; value++) {
    int is_plain = *value >= ' ' && *value <= '~' && *value != '"' && *value != '\\';
    *to++ = is_plain ? *value : '?';
  }
  *to++ = '"';
  *to = 0;
  text->size = (size_t)(to - text->data);
}

void format_text(char *to, size_t size, const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(to, size, format, values);
  va_end(values);
}

char *read_file(const char *path, size_t limit, size_t *size) {
  int handle = open(path, O_RDONLY);
  if (handle < 0) return NULL;
  char *data = NULL;
  size_t seen = 0, room = 0;
  for (;;) {
    if (room - seen < CHUNK) data = grown(data, room = 2 * room + CHUNK + 1);
    ssize_t got = read(handle, data + seen, room - seen - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) seen += (size_t)got;
    if (got <= 0 || seen > limit) {
      close(handle);
      if (got < 0 || seen > limit) {
        free(data);
        return NULL;
      }
      data[*size = seen] = 0;
      return data;
    }
  }
}

int write_all(int handle, const void *data, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t put = write(handle, (const char *)data + done, size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    done += (size_t)put;
  }
  return 0;
}

int write_file(const char *path, const void *data, size_t size) {
  char half[REASON_SIZE];
  format_text(half, sizeof half, "%s.part", path);
  int handle = open(half, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (handle < 0) return -1;
  int failed = write_all(handle, data, size);
  if (close(handle) || failed) return -1;
  return rename(half, path);
}
