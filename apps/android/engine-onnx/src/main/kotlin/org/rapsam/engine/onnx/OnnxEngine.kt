package org.rapsam.engine.onnx

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtProvider
import ai.onnxruntime.OrtSession
import java.nio.ByteBuffer
import java.nio.FloatBuffer
import org.rapsam.core.Problem
import org.rapsam.core.bundle.GraphContract
import org.rapsam.core.run.Engine
import org.rapsam.core.run.EngineFactory
import org.rapsam.core.run.Graph
import org.rapsam.core.run.Tensors
import org.rapsam.core.run.checkNames
import org.rapsam.core.run.withLibrary
import org.rapsam.core.tasks.Tensor

private const val NAME = "ONNX Runtime"
private const val MANIFEST_NAME = "onnxruntime"

/** What it can compute on, by the names of `rapsam bench --on adb`; what the others do not take, the CPU does. */
private val UNITS = mapOf(
    NAME to null,
    "$NAME, XNNPACK" to OrtProvider.XNNPACK,
    "$NAME, NNAPI" to OrtProvider.NNAPI,
)

/** ONNX Runtime for Android. */
class OnnxEngineFactory : EngineFactory {
    override val suffix: String get() = ".onnx"

    override val manifestName: String get() = MANIFEST_NAME

    override val runtimes: List<String> get() = UNITS.keys.toList()

    override fun open(runtime: String, threads: Int?): Engine {
        val provider = UNITS.getValue(runtime)
        return withLibrary(NAME) {
            if (provider != null && provider !in OrtEnvironment.getAvailableProviders()) {
                throw Problem("this build of $NAME has no ${provider.name}; choose another compute unit")
            }
            refusing("$NAME does not start") { OnnxEngine(runtime, provider, threads) }
        }
    }
}

private class OnnxEngine(private val runtime: String, provider: OrtProvider?, threads: Int?) : Engine {
    private val environment = OrtEnvironment.getEnvironment()
    private val options = OrtSession.SessionOptions().apply {
        if (threads != null) setIntraOpNumThreads(threads)
        when (provider) {
            // With its own threads, as its documentation advises; ONNX Runtime's would only compete.
            OrtProvider.XNNPACK -> addXnnpack(threads?.let { mapOf("intra_op_num_threads" to "$it") } ?: emptyMap())
            OrtProvider.NNAPI -> addNnapi()
            else -> Unit
        }
    }

    override val version: String? get() = environment.version

    override fun load(model: ByteBuffer, contract: GraphContract): Graph {
        val session = refusing("$runtime refuses the graph ${contract.graph}") {
            environment.createSession(model, options)
        }
        try {
            checkNames(contract, session.inputNames, session.outputNames)
        } catch (problem: Problem) {
            session.close()
            throw problem
        }
        return OnnxGraph(runtime, environment, session, contract)
    }

    override fun close() = options.close()
}

private class OnnxGraph(
    private val runtime: String,
    private val environment: OrtEnvironment,
    private val session: OrtSession,
    override val contract: GraphContract,
) : Graph {
    /** ONNX Runtime's Java interface does not tell which provider got which operators. */
    override val reported: List<String>? get() = null

    override fun run(inputs: Tensors): Tensors = refusing("$runtime fails to run the graph ${contract.graph}") {
        val feeds = HashMap<String, OnnxTensor>()
        try {
            for (spec in contract.inputs) {
                val shape = LongArray(spec.shape.size) { spec.shape[it].toLong() }
                val values = FloatBuffer.wrap(inputs.getValue(spec.name).data)
                feeds[spec.name] = OnnxTensor.createTensor(environment, values, shape)
            }
            session.run(feeds).use { result ->
                contract.outputs.associate { spec -> spec.name to tensorOf(result.get(spec.name).get() as OnnxTensor) }
            }
        } finally {
            feeds.values.forEach(OnnxTensor::close)
        }
    }

    override fun close() = session.close()
}

private fun tensorOf(found: OnnxTensor): Tensor {
    val buffer = found.floatBuffer ?: throw Problem("the graph returned no float32; export the bundle again")
    val data = FloatArray(buffer.remaining()).also { buffer.get(it) }
    return Tensor(data, found.info.shape.map { it.toInt() })
}

private inline fun <T> refusing(what: String, run: () -> T): T = try {
    run()
} catch (error: OrtException) {
    throw Problem("$what (${error.message}); take another compute unit, or export the bundle again", error)
}
