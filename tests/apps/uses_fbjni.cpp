// A library that uses the app's stand-in for fbjni, as ExecuTorch's library does, for UsesFbjni.java. Its C++ runtime is this
// machine's, which lacks two functions of Android's.
#include <cstring>
#include <exception>
#include <jni.h>
#include <string>
#include <thread>

#define NAMED(name) __asm__(name)

struct Reference {
  jobject object;
  ~Reference() {}
};

struct Text {
  size_t capacity_and_mark;
  size_t size;
  char *place;
  ~Text() {}
};

struct Callable {
  virtual void other0() {}
  virtual void other1() {}
  virtual void other2() {}
  virtual void other3() {}
  virtual void other4() {}
  virtual void other5() {}
  virtual void call() {}
};

struct Function {
  alignas(16) char inside[4 * sizeof(void *)];
  Callable *held;
};

jint initialize(JavaVM *vm, Function *on_load)
    NAMED("_ZN8facebook3jni10initializeEP7_JavaVMONSt6__ndk18functionIFvvEEE");
Reference make_jstring(const char *text) NAMED("_ZN8facebook3jni12make_jstringEPKc");
Text to_text(const jstring *self) NAMED("_ZNK8facebook3jni7JString11toStdStringEv");
void throw_java(jthrowable problem) NAMED("_ZN8facebook3jni21throwNewJavaExceptionEP11_jthrowable");
void throw_named(const char *name, const char *text) NAMED("_ZN8facebook3jni21throwNewJavaExceptionEPKcS2_");
void translate() NAMED("_ZN8facebook3jni43translatePendingCppExceptionToJavaExceptionEv");

extern "C" {

void *__cxa_current_primary_exception() {
  std::exception_ptr now = std::current_exception();
  void *object;
  memcpy(&object, &now, sizeof object);
  new std::exception_ptr(now);  // one reference more, which the caller lets go
  return object;
}

void __cxa_decrement_exception_refcount(void *object) {
  alignas(std::exception_ptr) char place[sizeof(std::exception_ptr)];
  memcpy(place, &object, sizeof object);
  reinterpret_cast<std::exception_ptr *>(place)->~exception_ptr();
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *) {
  Callable callable;
  Function function = {{}, &callable};
  jint version = initialize(vm, &function);
  return version;
}

static std::string text_of(jstring given) {
  Text text = to_text(&given);
  const char *inside = reinterpret_cast<const char *>(&text);
  if (!(inside[0] & 1)) return std::string(inside + 1, static_cast<unsigned char>(inside[0]) >> 1);
  std::string found(text.place, text.size);
  free(text.place);
  return found;
}

JNIEXPORT jbyteArray JNICALL Java_UsesFbjni_bytes(JNIEnv *env, jclass, jstring given) {
  std::string text = text_of(given);
  jbyteArray made = env->NewByteArray(static_cast<jsize>(text.size()));
  env->SetByteArrayRegion(made, 0, static_cast<jsize>(text.size()), reinterpret_cast<const jbyte *>(text.data()));
  return made;
}

JNIEXPORT jstring JNICALL Java_UsesFbjni_text(JNIEnv *env, jclass, jbyteArray given) {
  std::string bytes(static_cast<size_t>(env->GetArrayLength(given)), '\0');
  env->GetByteArrayRegion(given, 0, static_cast<jsize>(bytes.size()), reinterpret_cast<jbyte *>(&bytes[0]));
  return static_cast<jstring>(make_jstring(bytes.c_str()).object);
}

/** C++ throws and catches, and nobody else hears of it. */
JNIEXPORT void JNICALL Java_UsesFbjni_swallow(JNIEnv *, jclass, jthrowable problem) {
  try {
    throw_java(problem);
  } catch (...) {
  }
}

/** The last that holds the exception is a thread that Java does not know. */
JNIEXPORT void JNICALL Java_UsesFbjni_swallowElsewhere(JNIEnv *, jclass, jthrowable problem) {
  std::exception_ptr kept;
  try {
    throw_java(problem);
  } catch (...) {
    kept = std::current_exception();
  }
  std::thread([](std::exception_ptr last) { last = nullptr; }, std::move(kept)).join();
}

JNIEXPORT void JNICALL Java_UsesFbjni_pass(JNIEnv *, jclass, jthrowable problem) {
  try {
    throw_java(problem);
  } catch (...) {
    translate();
  }
}

JNIEXPORT void JNICALL Java_UsesFbjni_complain(JNIEnv *, jclass, jstring words) {
  try {
    throw_named("java/lang/IllegalStateException", text_of(words).c_str());
  } catch (...) {
    translate();
  }
}
}
