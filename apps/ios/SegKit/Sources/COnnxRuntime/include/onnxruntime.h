// ONNX Runtime's C API, from wherever its headers lie: in its framework on a Mac, in the user's cache on Linux.
#if __has_include(<onnxruntime/onnxruntime_c_api.h>)
#include <onnxruntime/onnxruntime_c_api.h>
#else
#include "onnxruntime_c_api.h"
#endif
