package org.rapsam.engine.tflite

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.rapsam.core.Problem
import org.rapsam.core.bundle.GraphContract
import org.rapsam.core.run.Engine
import org.rapsam.core.run.EngineFactory
import org.rapsam.core.run.Graph
import org.rapsam.core.run.Tensors
import org.rapsam.core.run.checkNames
import org.rapsam.core.run.withLibrary
import org.rapsam.core.tasks.Tensor
import org.tensorflow.lite.InterpreterFactoryImpl
import org.tensorflow.lite.NativeInterpreterWrapper
import org.tensorflow.lite.NativeSignatureRunnerWrapper
import org.tensorflow.lite.TensorImpl

private const val NAME = "TensorFlow Lite"
private const val MANIFEST_NAME = "tflite-runtime"
private const val LIBRARY = "tensorflowlite_jni"
private const val MESSAGE_BYTES = 512

/** As many as the library takes where none is named. */
private const val CHOSEN_BY_LIBRARY = -1

/** TensorFlow Lite on the CPU, with XNNPACK. */
class TfliteEngineFactory : EngineFactory {
    override val suffix: String get() = ".tflite"

    override val manifestName: String get() = MANIFEST_NAME

    override val runtimes: List<String> get() = listOf(NAME)

    override fun open(runtime: String, threads: Int?): Engine = withLibrary(NAME) {
        System.loadLibrary(LIBRARY)
        TfliteEngine(threads ?: CHOSEN_BY_LIBRARY)
    }
}

private class TfliteEngine(private val threads: Int) : Engine {
    override val version: String? = InterpreterFactoryImpl.nativeRuntimeVersion()

    override fun load(model: ByteBuffer, contract: GraphContract): Graph =
        refusing("$NAME refuses the graph ${contract.graph}") { TfliteGraph(model, threads, contract) }

    override fun close() = Unit
}

/** @property model Read by the library for as long as the graph lives. */
private class TfliteGraph(private val model: ByteBuffer, threads: Int, override val contract: GraphContract) : Graph {
    private val errors = NativeInterpreterWrapper.createErrorReporter(MESSAGE_BYTES)
    private var modelHandle = 0L
    private var interpreter = 0L
    private val signature: Long
    private val inputs: Map<String, Long>
    private val outputs: Map<String, Long>

    /** The library's Java interface does not tell what XNNPACK got. */
    override val reported: List<String>? get() = null

    init {
        try {
            modelHandle = NativeInterpreterWrapper.createModelWithBuffer(model, errors)
            interpreter =
                NativeInterpreterWrapper.createInterpreter(modelHandle, errors, threads, true, ArrayList())
            val key = NativeInterpreterWrapper.getSignatureKeys(interpreter).singleOrNull()
                ?: throw Problem("the file of ${contract.graph} has no signature; export the bundle again")
            signature = NativeSignatureRunnerWrapper.nativeGetSignatureRunner(interpreter, key)
            checkNames(
                contract,
                NativeSignatureRunnerWrapper.nativeInputNames(signature).toList(),
                NativeSignatureRunnerWrapper.nativeOutputNames(signature).toList(),
            )
            NativeSignatureRunnerWrapper.nativeAllocateTensors(signature, errors)
            inputs = contract.inputs.associate { it.name to TensorImpl.createSignatureInputTensor(signature, it.name) }
            outputs = contract.outputs.associate { it.name to TensorImpl.createSignatureOutputTensor(signature, it.name) }
            checkShapes()
        } catch (error: Exception) {
            NativeInterpreterWrapper.delete(errors, modelHandle, interpreter)
            throw error
        }
    }

    override fun run(inputs: Tensors): Tensors = refusing("$NAME fails to run the graph ${contract.graph}") {
        for ((name, tensor) in this.inputs) {
            val values = inputs.getValue(name).data
            val buffer = bytes(tensor)
            if (buffer.capacity() != 4 * values.size) throw unfit(name)
            buffer.asFloatBuffer().put(values)
        }
        NativeSignatureRunnerWrapper.nativeInvoke(signature, errors)
        contract.outputs.associate { spec ->
            val tensor = outputs.getValue(spec.name)
            val buffer = bytes(tensor)
            if (buffer.capacity() != 4 * spec.count) throw unfit(spec.name)
            val data = FloatArray(spec.count)
            buffer.asFloatBuffer().get(data)
            spec.name to Tensor(data, TensorImpl.shape(tensor).toList())
        }
    }

    override fun close() {
        deleteTensors()
        NativeInterpreterWrapper.delete(errors, modelHandle, interpreter)
    }

    private fun checkShapes() {
        val other = (contract.inputs + contract.outputs).find { spec ->
            val tensor = inputs[spec.name] ?: outputs.getValue(spec.name)
            TensorImpl.shape(tensor).toList() != spec.shape
        }
        if (other != null) {
            deleteTensors()
            throw unfit(other.name)
        }
    }

    private fun deleteTensors() = (inputs.values + outputs.values).forEach(TensorImpl::delete)

    private fun bytes(tensor: Long): ByteBuffer = TensorImpl.buffer(tensor).order(ByteOrder.nativeOrder())

    private fun unfit(name: String) =
        Problem("$name of ${contract.graph} is no float32 of the contract's shape; export the bundle again")
}

private inline fun <T> refusing(what: String, run: () -> T): T = try {
    run()
} catch (error: IllegalArgumentException) {
    throw Problem("$what (${error.message}); export the bundle again", error)
} catch (error: IllegalStateException) {
    throw Problem("$what (${error.message}); export the bundle again", error)
}
