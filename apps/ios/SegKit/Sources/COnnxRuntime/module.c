// The package manager wants a file to compile in every target.
#include "onnxruntime.h"
