// Texts between C++, which has UTF-8, and Java, which has UTF-16. JNI's own functions for texts have a UTF-8 of their own, with
// six bytes for what has four, so they are not used. What is no character becomes U+FFFD.
#pragma once
#include <jni.h>
#include <stddef.h>
#include <stdint.h>

namespace texts {

constexpr uint32_t NO_CHARACTER = 0xFFFD;
constexpr uint32_t FIRST_OF_PAIRS = 0x10000, LAST = 0x10FFFF;

inline bool is_half(uint32_t unit) { return (unit & 0xFFFFF800) == 0xD800; }

/** Reads the character at a place of UTF-16, and moves the place behind it. */
inline uint32_t next(const jchar *text, size_t size, size_t &place) {
  uint32_t unit = text[place++];
  if (!is_half(unit)) return unit;
  bool is_pair = unit < 0xDC00 && place < size && (text[place] & 0xFC00) == 0xDC00;
  return is_pair ? FIRST_OF_PAIRS + ((unit & 0x3FF) << 10) + (text[place++] & 0x3FF) : NO_CHARACTER;
}

/** Reads the character at a place of UTF-8, and moves the place behind it. */
inline uint32_t next(const char *text, size_t size, size_t &place) {
  constexpr uint32_t LEAST[] = {0, 0x80, 0x800, FIRST_OF_PAIRS};
  uint32_t lead = static_cast<unsigned char>(text[place++]);
  if (lead < 0x80) return lead;
  if (lead < 0xC0 || lead > 0xF7) return NO_CHARACTER;
  int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  uint32_t character = lead & (0x3F >> more);
  for (int byte = 0; byte < more; byte++) {
    if (place == size || (text[place] & 0xC0) != 0x80) return NO_CHARACTER;
    character = character << 6 | (text[place++] & 0x3F);
  }
  return character < LEAST[more] || character > LAST || is_half(character) ? NO_CHARACTER : character;
}

/** Writes a character as UTF-16, which takes no more units than it has bytes in UTF-8, and returns how many. */
inline size_t put(uint32_t character, jchar *to) {
  if (character < FIRST_OF_PAIRS) return *to = static_cast<jchar>(character), 1;
  to[0] = static_cast<jchar>(0xD800 + ((character - FIRST_OF_PAIRS) >> 10));
  to[1] = static_cast<jchar>(0xDC00 + (character & 0x3FF));
  return 2;
}

/** Bytes of a character in UTF-8. */
inline size_t bytes_of(uint32_t character) {
  return character < 0x80 ? 1 : character < 0x800 ? 2 : character < FIRST_OF_PAIRS ? 3 : 4;
}

/** Writes a character as UTF-8, and returns how many bytes it takes. */
inline size_t put(uint32_t character, char *to) {
  size_t count = bytes_of(character);
  for (size_t byte = count - 1; byte > 0; byte--, character >>= 6) to[byte] = static_cast<char>(0x80 | (character & 0x3F));
  to[0] = static_cast<char>(count == 1 ? character : (0xF00 >> count & 0xF0) | character);
  return count;
}

}  // namespace texts
