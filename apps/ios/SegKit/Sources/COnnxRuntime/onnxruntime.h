// ONNX Runtime's C API, from wherever the headers of this version lie: its framework on a Mac, the user's cache on Linux.
#include "onnxruntime_c_api.h"
