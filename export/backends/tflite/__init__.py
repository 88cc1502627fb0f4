"""TFLite, in LiteRT and in the last tflite-runtime."""
