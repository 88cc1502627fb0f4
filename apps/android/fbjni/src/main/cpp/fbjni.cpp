// What ExecuTorch's library for Android takes from Facebook's library fbjni: 27 functions between C++ and Java.
//
// No registry that this app is built from has an fbjni of the same kind: its last one there, 0.2.2, is for pages of 4 KB only, and
// was built with a C++ runtime and an unwinder of its own. Where these are found before those of ExecuTorch's library, a refusal
// ends the process. Here exceptions are always thrown by ExecuTorch's own copy of the C++ runtime, which is also what catches them.
//
// Names and conventions of calls are those of C++ on Android (Itanium's, and libc++'s std::__ndk1). References to Java objects are
// one pointer; functions return them as classes with a destructor: by a hidden address, hence C++ and not C.
#include "texts.h"

#include <jni.h>
#include <stddef.h>

extern "C" {
struct Dl_info {
  const char *file;
  void *start;
  const char *symbol;
  void *symbol_start;
};
int dladdr(const void *address, Dl_info *about);
void *dlopen(const char *file, int how);
void *dlsym(void *library, const char *name);
[[noreturn]] void abort(void);
void free(void *place);
void *malloc(size_t size);
size_t strlen(const char *text);
}

#define NAMED(name) __asm__(name)

namespace stand_in {

/** Of dlopen. */
constexpr int LAZY = 1, ALREADY_LOADED = 4;

/** As a class of C++ is returned: its destructor is not trivial, though it does nothing. */
struct Reference {
  jobject object;
  explicit Reference(jobject given) : object(given) {}
  ~Reference() {}
};

/** std::string of libc++: short texts inside, longer ones elsewhere. */
struct Text {
  size_t capacity_and_mark;
  size_t size;
  char *place;
  ~Text() {}
};
constexpr size_t SHORT_BYTES = sizeof(Text) - 2;

/** std::function<void()> of libc++: what it calls is the seventh virtual function of what it holds. */
struct Function {
  alignas(16) char inside[4 * sizeof(void *)];
  void **held;
};
constexpr int CALL = 6;

/** The second virtual function of every class that has a virtual destructor deletes an object. */
constexpr int DELETE = 1;

/** std::type_info. */
struct Type {
  void *table;
  const char *name;
};

}  // namespace stand_in

using namespace stand_in;

namespace {

/** ExecuTorch's copy of the C++ runtime. */
struct Runtime {
  void *(*allocate)(size_t size);
  void (*raise)(void *exception, const Type *type, void (*destroy)(void *));
  const Type *(*current_type)(void);
  void *(*current)(void);
  void (*let_go)(void *exception);
  const Type *type_of_ours;
} runtime;

JavaVM *machine;
jclass hybrid_data;
jmethodID new_hybrid_data;
jfieldID native_pointer;

template <typename F>
void find(void *library, const char *name, F &place) {
  place = reinterpret_cast<F>(dlsym(library, name));
  if (place == nullptr) abort();
}

JNIEnv *environment() {
  void *found = nullptr;
  if (machine == nullptr || machine->GetEnv(&found, JNI_VERSION_1_6) != JNI_OK) abort();
  return static_cast<JNIEnv *>(found);
}

jstring java_text(JNIEnv *env, const char *text) {
  size_t size = strlen(text), count = 0;
  jchar *units = static_cast<jchar *>(malloc((size + 1) * sizeof(jchar)));
  if (units == nullptr) abort();
  for (size_t place = 0; place < size;) count += texts::put(texts::next(text, size, place), units + count);
  jstring made = env->NewString(units, static_cast<jsize>(count));
  free(units);
  return made;
}

/** Lets go what an exception holds; whoever catches it may do so anywhere, and may throw it away. */
void drop(void *thrown) {
  jobject kept = *static_cast<jobject *>(thrown);
  void *found = nullptr;
  if (machine->GetEnv(&found, JNI_VERSION_1_6) == JNI_OK) {
    static_cast<JNIEnv *>(found)->DeleteGlobalRef(kept);
  } else if (machine->AttachCurrentThread(&found, nullptr) == JNI_OK) {
    static_cast<JNIEnv *>(found)->DeleteGlobalRef(kept);
    machine->DetachCurrentThread();
  }
}

/** Throws an object of Java, and lets go of the reference to it that is given. */
[[noreturn]] void raise(JNIEnv *env, jobject problem) {
  jobject *thrown = static_cast<jobject *>(runtime.allocate(sizeof(jobject)));
  *thrown = env->NewGlobalRef(problem);
  env->DeleteLocalRef(problem);
  runtime.raise(thrown, runtime.type_of_ours, drop);
  __builtin_unreachable();
}

void raise_pending(JNIEnv *env) {
  jthrowable problem = env->ExceptionOccurred();
  if (problem != nullptr) {
    env->ExceptionClear();
    raise(env, problem);
  }
}

jclass class_named(JNIEnv *env, const char *name) {
  jclass found = env->FindClass(name);
  raise_pending(env);
  return found;
}

[[noreturn]] void raise_new(JNIEnv *env, const char *name, const char *text) {
  jclass type = class_named(env, name);
  jmethodID make = env->GetMethodID(type, "<init>", "(Ljava/lang/String;)V");
  raise_pending(env);
  jstring words = java_text(env, text);
  raise_pending(env);
  jobject problem = env->NewObject(type, make, words);
  raise_pending(env);
  env->DeleteLocalRef(words);
  env->DeleteLocalRef(type);
  raise(env, problem);
}

void delete_native(void **object) {
  if (object != nullptr) reinterpret_cast<void (*)(void *)>(static_cast<void **>(*object)[DELETE])(object);
}

void release(JNIEnv *, jclass, jlong pointer) { delete_native(reinterpret_cast<void **>(pointer)); }

void start(JavaVM *vm, void *caller) {
  Dl_info about;
  void *library = dladdr(caller, &about) == 0 ? nullptr : dlopen(about.file, LAZY | ALREADY_LOADED);
  if (library == nullptr) abort();
  find(library, "__cxa_allocate_exception", runtime.allocate);
  find(library, "__cxa_throw", runtime.raise);
  find(library, "__cxa_current_exception_type", runtime.current_type);
  find(library, "__cxa_current_primary_exception", runtime.current);
  find(library, "__cxa_decrement_exception_refcount", runtime.let_go);
  find(library, "_ZTIi", runtime.type_of_ours);
  machine = vm;
  JNIEnv *env = environment();
  hybrid_data = static_cast<jclass>(env->NewGlobalRef(env->FindClass("com/facebook/jni/HybridData")));
  jclass destructor = env->FindClass("com/facebook/jni/HybridData$Destructor");
  if (hybrid_data == nullptr || destructor == nullptr) abort();
  new_hybrid_data = env->GetMethodID(hybrid_data, "<init>", "()V");
  native_pointer = env->GetFieldID(destructor, "mNativePointer", "J");
  JNINativeMethod method = {const_cast<char *>("release"), const_cast<char *>("(J)V"), reinterpret_cast<void *>(release)};
  if (env->RegisterNatives(destructor, &method, 1) != 0 || env->ExceptionCheck()) abort();
}

}  // namespace

#define EXPORTED __attribute__((visibility("default")))

EXPORTED jint initialize(JavaVM *vm, Function *on_load)
    NAMED("_ZN8facebook3jni10initializeEP7_JavaVMONSt6__ndk18functionIFvvEEE");
EXPORTED JNIEnv *current() NAMED("_ZN8facebook3jni11Environment7currentEv");
EXPORTED void *cacher(void *self, JNIEnv *env) NAMED("_ZN8facebook3jni6detail12JniEnvCacherC1EP7_JNIEnv");
EXPORTED void end_cacher(void *self) NAMED("_ZN8facebook3jni6detail12JniEnvCacherD1Ev");

EXPORTED Reference find_class_local(const char *name) NAMED("_ZN8facebook3jni14findClassLocalEPKc");
EXPORTED Reference find_class_static(const char *name) NAMED("_ZN8facebook3jni15findClassStaticEPKc");
EXPORTED Reference make_jstring(const char *text) NAMED("_ZN8facebook3jni12make_jstringEPKc");
EXPORTED Text to_text(const jstring *self) NAMED("_ZNK8facebook3jni7JString11toStdStringEv");

EXPORTED Reference create() NAMED("_ZN8facebook3jni6detail10HybridData6createEv");
EXPORTED void *get_native(const jobject *self)
    NAMED("_ZNK8facebook3jni6detail16HybridDestructor16getNativePointerEv");
EXPORTED void set_native(jobject *self, void ***owner) NAMED(
    "_ZN8facebook3jni6detail16HybridDestructor16setNativePointerENSt6__ndk110unique_ptrINS1_15BaseHybridClassENS3_14default_"
    "deleteIS5_EEEE");

EXPORTED void throw_if(bool wrong) NAMED("_ZN8facebook3jni19throwCppExceptionIfEb");
EXPORTED void throw_java(jthrowable problem) NAMED("_ZN8facebook3jni21throwNewJavaExceptionEP11_jthrowable");
EXPORTED void throw_named(const char *name, const char *text) NAMED("_ZN8facebook3jni21throwNewJavaExceptionEPKcS2_");
EXPORTED void throw_pending() NAMED("_ZN8facebook3jni38throwPendingJniExceptionAsCppExceptionEv");
EXPORTED void translate() NAMED("_ZN8facebook3jni43translatePendingCppExceptionToJavaExceptionEv");

EXPORTED Reference native_order() NAMED("_ZN8facebook3jni10JByteOrder11nativeOrderEv");
EXPORTED Reference order(jobject *self, jobject *order)
    NAMED("_ZN8facebook3jni11JByteBuffer5orderENS0_9alias_refINS0_10JByteOrderEEE");
EXPORTED Reference wrap(void *place, size_t size) NAMED("_ZN8facebook3jni11JByteBuffer9wrapBytesEPhm");
EXPORTED void *address(const jobject *self) NAMED("_ZNK8facebook3jni7JBuffer16getDirectAddressEv");
EXPORTED size_t capacity(const jobject *self) NAMED("_ZNK8facebook3jni7JBuffer17getDirectCapacityEv");

EXPORTED Reference make_longs(jint size) NAMED("_ZN8facebook3jni15make_long_arrayEi");
EXPORTED void get_ints(jintArray *self, jint start, jint count, jint *to)
    NAMED("_ZN8facebook3jni15JPrimitiveArrayIP10_jintArrayE9getRegionEiiPi");
EXPORTED void get_bytes(jbyteArray *self, jint start, jint count, jbyte *to)
    NAMED("_ZN8facebook3jni15JPrimitiveArrayIP11_jbyteArrayE9getRegionEiiPa");
EXPORTED void get_longs(jlongArray *self, jint start, jint count, jlong *to)
    NAMED("_ZN8facebook3jni15JPrimitiveArrayIP11_jlongArrayE9getRegionEiiPl");
EXPORTED void set_longs(jlongArray *self, jint start, jint count, const jlong *from)
    NAMED("_ZN8facebook3jni15JPrimitiveArrayIP11_jlongArrayE9setRegionEiiPKl");
EXPORTED void get_floats(jfloatArray *self, jint start, jint count, jfloat *to)
    NAMED("_ZN8facebook3jni15JPrimitiveArrayIP12_jfloatArrayE9getRegionEiiPf");

jint initialize(JavaVM *vm, Function *on_load) {
  start(vm, __builtin_return_address(0));
  void **held = on_load->held;
  reinterpret_cast<void (*)(void *)>(static_cast<void **>(*held)[CALL])(held);
  return JNI_VERSION_1_6;
}

JNIEnv *current() { return environment(); }
void *cacher(void *self, JNIEnv *) { return self; }
void end_cacher(void *) {}

Reference find_class_local(const char *name) { return Reference(class_named(environment(), name)); }

Reference find_class_static(const char *name) {
  JNIEnv *env = environment();
  jclass found = class_named(env, name);
  jobject kept = env->NewGlobalRef(found);
  env->DeleteLocalRef(found);
  return Reference(kept);
}

Reference make_jstring(const char *text) {
  JNIEnv *env = environment();
  jstring made = java_text(env, text);
  raise_pending(env);
  return Reference(made);
}

Text to_text(const jstring *self) {
  JNIEnv *env = environment();
  size_t count = static_cast<size_t>(env->GetStringLength(*self)), size = 0;
  const jchar *units = env->GetStringChars(*self, nullptr);
  if (units == nullptr) abort();
  for (size_t unit = 0; unit < count;) size += texts::bytes_of(texts::next(units, count, unit));
  Text made = {0, 0, nullptr};
  char *place = reinterpret_cast<char *>(&made) + 1;
  if (size > SHORT_BYTES) {
    made.size = size;
    made.capacity_and_mark = ((size + 16) & ~size_t(15)) | 1;
    made.place = place = static_cast<char *>(malloc(made.capacity_and_mark & ~size_t(1)));
    if (place == nullptr) abort();
  } else {
    *reinterpret_cast<char *>(&made) = static_cast<char>(size << 1);
  }
  for (size_t unit = 0; unit < count;) place += texts::put(texts::next(units, count, unit), place);
  *place = 0;
  env->ReleaseStringChars(*self, units);
  return made;
}

Reference create() {
  JNIEnv *env = environment();
  jobject made = env->NewObject(hybrid_data, new_hybrid_data);
  raise_pending(env);
  return Reference(made);
}

void *get_native(const jobject *self) {
  JNIEnv *env = environment();
  jlong pointer = env->GetLongField(*self, native_pointer);
  if (pointer == 0) raise_new(env, "java/lang/NullPointerException", "it has been let go");
  return reinterpret_cast<void *>(pointer);
}

void set_native(jobject *self, void ***owner) {
  JNIEnv *env = environment();
  delete_native(reinterpret_cast<void **>(env->GetLongField(*self, native_pointer)));
  env->SetLongField(*self, native_pointer, reinterpret_cast<jlong>(*owner));
  *owner = nullptr;
}

void throw_pending() { raise_pending(environment()); }

void throw_if(bool wrong) {
  if (!wrong) return;
  raise_pending(environment());
  raise_new(environment(), "java/lang/RuntimeException", "Java refused without a reason");
}

// The reference is the caller's, who deletes it while the exception passes.
void throw_java(jthrowable problem) {
  JNIEnv *env = environment();
  raise(env, env->NewLocalRef(problem));
}

void throw_named(const char *name, const char *text) { raise_new(environment(), name, text); }

// Called where an exception is caught, to let Java throw it.
void translate() {
  JNIEnv *env = environment();
  const Type *type = runtime.current_type();
  if (type != runtime.type_of_ours) {
    jclass problem = env->FindClass("java/lang/RuntimeException");
    env->ThrowNew(problem, type == nullptr ? "an unknown exception of C++" : type->name);
    return;
  }
  void *exception = runtime.current();
  env->Throw(static_cast<jthrowable>(*static_cast<jobject *>(exception)));
  runtime.let_go(exception);
}

Reference native_order() {
  JNIEnv *env = environment();
  jclass type = class_named(env, "java/nio/ByteOrder");
  jmethodID method = env->GetStaticMethodID(type, "nativeOrder", "()Ljava/nio/ByteOrder;");
  raise_pending(env);
  jobject found = env->CallStaticObjectMethod(type, method);
  raise_pending(env);
  return Reference(found);
}

Reference order(jobject *self, jobject *order) {
  JNIEnv *env = environment();
  jclass type = class_named(env, "java/nio/ByteBuffer");
  jmethodID method = env->GetMethodID(type, "order", "(Ljava/nio/ByteOrder;)Ljava/nio/ByteBuffer;");
  raise_pending(env);
  jobject ordered = env->CallObjectMethod(*self, method, *order);
  raise_pending(env);
  return Reference(ordered);
}

Reference wrap(void *place, size_t size) {
  JNIEnv *env = environment();
  jobject made = env->NewDirectByteBuffer(place, static_cast<jlong>(size));
  raise_pending(env);
  return Reference(made);
}

void *address(const jobject *self) {
  JNIEnv *env = environment();
  void *place = env->GetDirectBufferAddress(*self);
  if (place == nullptr) raise_new(env, "java/lang/IllegalArgumentException", "a buffer is not direct memory");
  return place;
}

size_t capacity(const jobject *self) {
  JNIEnv *env = environment();
  jlong size = env->GetDirectBufferCapacity(*self);
  if (size < 0) raise_new(env, "java/lang/IllegalArgumentException", "a buffer is not direct memory");
  return static_cast<size_t>(size);
}

Reference make_longs(jint size) {
  JNIEnv *env = environment();
  jlongArray made = env->NewLongArray(size);
  raise_pending(env);
  return Reference(made);
}

void get_ints(jintArray *self, jint start, jint count, jint *to) {
  environment()->GetIntArrayRegion(*self, start, count, to);
  throw_pending();
}

void get_bytes(jbyteArray *self, jint start, jint count, jbyte *to) {
  environment()->GetByteArrayRegion(*self, start, count, to);
  throw_pending();
}

void get_longs(jlongArray *self, jint start, jint count, jlong *to) {
  environment()->GetLongArrayRegion(*self, start, count, to);
  throw_pending();
}

void set_longs(jlongArray *self, jint start, jint count, const jlong *from) {
  environment()->SetLongArrayRegion(*self, start, count, from);
  throw_pending();
}

void get_floats(jfloatArray *self, jint start, jint count, jfloat *to) {
  environment()->GetFloatArrayRegion(*self, start, count, to);
  throw_pending();
}
