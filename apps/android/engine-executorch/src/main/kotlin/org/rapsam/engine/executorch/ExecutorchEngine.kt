package org.rapsam.engine.executorch

import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import org.pytorch.executorch.DType
import org.pytorch.executorch.EValue
import org.pytorch.executorch.ExecuTorchRuntime
import org.pytorch.executorch.ExecutorchRuntimeException
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor as ExecutorchTensor
import org.rapsam.core.Problem
import org.rapsam.core.bundle.GraphContract
import org.rapsam.core.run.Engine
import org.rapsam.core.run.EngineFactory
import org.rapsam.core.run.Graph
import org.rapsam.core.run.Tensors
import org.rapsam.core.run.checkTypes
import org.rapsam.core.run.withLibrary
import org.rapsam.core.tasks.Tensor

private const val NAME = "ExecuTorch"
private const val MANIFEST_NAME = "executorch"
private const val LIBRARY = "executorch"
private const val METHOD = "forward"

/** As many as the library takes where none is named. */
private const val CHOSEN_BY_LIBRARY = 0

/** ExecuTorch on the CPU, with XNNPACK. */
class ExecutorchEngineFactory : EngineFactory {
    override val suffix: String get() = ".pte"

    override val manifestName: String get() = MANIFEST_NAME

    override val runtimes: List<String> get() = listOf(NAME)

    override fun open(runtime: String, threads: Int?): Engine = withLibrary(NAME) {
        System.loadLibrary(LIBRARY)
        refusing("$NAME does not start", "install the app again") { ExecutorchEngine(threads ?: CHOSEN_BY_LIBRARY) }
    }
}

private class ExecutorchEngine(private val threads: Int) : Engine {
    private val backends = ExecuTorchRuntime.getRegisteredBackends().toSet()

    /** The library does not tell. */
    override val version: String? get() = null

    override fun load(model: ByteBuffer, contract: GraphContract): Graph {
        checkTypes(contract)
        val what = "$NAME refuses the graph ${contract.graph}"
        return inFile(model) { file ->
            val module = refusing(what) { Module.load(file.path, Module.LOAD_MODE_FILE, threads) }
            try {
                ExecutorchGraph(module, contract, start(module, contract, what))
            } catch (error: Exception) {
                module.destroy()
                throw error
            }
        }
    }

    override fun close() = Unit

    /** Makes a graph ready, and returns what it was lowered for. */
    private fun start(module: Module, contract: GraphContract, what: String): List<String> {
        val wanted = refusing(what) { module.getMethodMetadata(METHOD).backends.toList() }
        val lacking = wanted.filter { it !in backends }
        if (lacking.isNotEmpty()) {
            throw Problem(
                "the graph ${contract.graph} is lowered for ${lacking.joinToString()}, which this app's $NAME does not have; " +
                    "expected ${backends.joinToString(" or ")}: export the bundle with --target executorch",
            )
        }
        refusing(what) {
            val code = module.loadMethod(METHOD)
            if (code != ExecutorchRuntimeException.OK) {
                throw ExecutorchRuntimeException.makeExecutorchException(code, lastWords())
            }
        }
        return wanted
    }
}

/** Order is all that a file knows of its inputs and outputs: it is that of the contract. */
private class ExecutorchGraph(
    private val module: Module,
    override val contract: GraphContract,
    override val reported: List<String>,
) : Graph {
    override fun run(inputs: Tensors): Tensors {
        val outputs = refusing("$NAME fails to run the graph ${contract.graph}") {
            val values = contract.inputs.map { spec ->
                val shape = LongArray(spec.shape.size) { spec.shape[it].toLong() }
                EValue.from(ExecutorchTensor.fromBlob(inputs.getValue(spec.name).data, shape))
            }
            module.forward(*values.toTypedArray())
        }
        if (outputs.size != contract.outputs.size) {
            throw Problem(
                "the graph ${contract.graph} has ${outputs.size} outputs; its contract says ${contract.outputs.size}: " +
                    "export the bundle again",
            )
        }
        return contract.outputs.zip(outputs).associate { (spec, value) ->
            val found = if (value.isTensor) value.toTensor() else throw unfit(spec.name)
            if (found.dtype() != DType.FLOAT || found.numel() != spec.count.toLong()) throw unfit(spec.name)
            spec.name to Tensor(found.dataAsFloatArray, found.shape().map { it.toInt() })
        }
    }

    override fun close() = module.destroy()

    private fun unfit(name: String) =
        Problem("$name of ${contract.graph} is no float32 of the contract's shape; export the bundle again")
}

/** Gives verified bytes as a file, which the library wants; it has read all when [use] ends. */
private fun <T> inFile(model: ByteBuffer, use: (File) -> T): T {
    val file = stored { File.createTempFile("graph", ".pte") }
    try {
        stored { file.outputStream().use { write(model.duplicate(), it.channel) } }
        return use(file)
    } finally {
        file.delete()
    }
}

private inline fun <T> stored(store: () -> T): T = try {
    store()
} catch (error: IOException) {
    throw Problem("$NAME needs a file for the graph (${error.message}); free some memory of the phone", error)
}

private fun write(bytes: ByteBuffer, to: FileChannel) {
    while (bytes.hasRemaining()) to.write(bytes)
}

private inline fun <T> refusing(what: String, todo: String = "export the bundle again", run: () -> T): T = try {
    run()
} catch (error: RuntimeException) {
    throw Problem("$what (${error.message?.replace('\n', ' ')}); $todo", error)
}

/** What the library said last, which tells more than its codes. */
private fun lastWords(): String = Module.readLogBufferStatic().lastOrNull()?.trim().orEmpty()
