// Names, and types, are those that TensorFlow Lite's library looks for: its own Java classes come in no package of a registry
// that this app is built from.
package org.tensorflow.lite

import java.nio.ByteBuffer

/** Models and interpreters; handles are addresses, 0 is none. A refusal is thrown, as IllegalArgumentException or the like. */
internal class NativeInterpreterWrapper private constructor() {
    companion object {
        @JvmStatic external fun createErrorReporter(size: Int): Long

        @JvmStatic external fun createModelWithBuffer(model: ByteBuffer, errors: Long): Long

        @JvmStatic external fun createInterpreter(
            model: Long,
            errors: Long,
            threads: Int,
            useXnnpack: Boolean,
            delegates: List<Long>,
        ): Long

        @JvmStatic external fun getSignatureKeys(interpreter: Long): Array<String>

        @JvmStatic external fun delete(errors: Long, model: Long, interpreter: Long)
    }
}

/** A signature: the names by which a model is called. */
internal class NativeSignatureRunnerWrapper private constructor() {
    companion object {
        @JvmStatic external fun nativeGetSignatureRunner(interpreter: Long, key: String): Long

        @JvmStatic external fun nativeInputNames(signature: Long): Array<String>

        @JvmStatic external fun nativeOutputNames(signature: Long): Array<String>

        @JvmStatic external fun nativeAllocateTensors(signature: Long, errors: Long)

        @JvmStatic external fun nativeInvoke(signature: Long, errors: Long)
    }
}

/** Tensors of a signature. */
internal class TensorImpl private constructor() {
    companion object {
        @JvmStatic external fun createSignatureInputTensor(signature: Long, name: String): Long

        @JvmStatic external fun createSignatureOutputTensor(signature: Long, name: String): Long

        @JvmStatic external fun buffer(tensor: Long): ByteBuffer

        @JvmStatic external fun shape(tensor: Long): IntArray

        @JvmStatic external fun delete(tensor: Long)
    }
}

/** The library itself. */
internal class InterpreterFactoryImpl private constructor() {
    companion object {
        @JvmStatic external fun nativeRuntimeVersion(): String
    }
}
