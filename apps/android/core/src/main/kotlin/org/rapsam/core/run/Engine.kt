package org.rapsam.core.run

import java.nio.ByteBuffer
import org.rapsam.core.Problem
import org.rapsam.core.bundle.GraphContract
import org.rapsam.core.tasks.Tensor

/** Tensors by name, or by role. */
typealias Tensors = Map<String, Tensor>

/** A graph that a runtime has loaded. */
interface Graph : AutoCloseable {
    val contract: GraphContract

    /** What computes, as the runtime reports it, preferred first; null if it does not say. */
    val reported: List<String>?

    /**
     * Runs it.
     *
     * @param inputs By the names of the contract, and in its shapes.
     * @return By the names of the contract; the caller's.
     * @throws Problem If the runtime refuses, or returns something else than the contract says.
     */
    fun run(inputs: Tensors): Tensors
}

/** A runtime that has started. Not for several threads at a time. */
interface Engine : AutoCloseable {
    /** Of the runtime; null if it does not say. */
    val version: String?

    /**
     * Loads a graph.
     *
     * @param model The file, verified; direct memory that must stay as it is until the graph is closed.
     * @throws Problem If the runtime refuses it, or it is another graph than the contract describes.
     */
    fun load(model: ByteBuffer, contract: GraphContract): Graph
}

/** A runtime that this app has; to add one, implement this and name it where the app lists its engines. */
interface EngineFactory {
    /** Of the files that it runs, as in ".onnx". */
    val suffix: String

    /** What manifests call it where they name the oldest release that they need, as in "onnxruntime". */
    val manifestName: String

    /** What it can compute on, by the name that records have: the runtime's, with the unit behind a comma. The CPU first. */
    val runtimes: List<String>

    /**
     * Starts it.
     *
     * @param runtime One of [runtimes].
     * @param threads CPU threads; null: the runtime chooses.
     * @throws Problem If the phone does not have that unit.
     */
    fun open(runtime: String, threads: Int?): Engine
}

/**
 * Finds what runs the graphs of a bundle.
 *
 * @throws Problem If none of the engines does.
 */
fun factoryFor(path: String, factories: List<EngineFactory>): EngineFactory =
    factories.find { path.endsWith(it.suffix) } ?: throw Problem(
        "this app cannot run $path: the bundle is for another platform, or for an app with another runtime; expected files of " +
            "${factories.joinToString(" or ") { it.suffix }}: export it so, or install an app that was built with such a bundle",
    )

/**
 * Starts what needs a runtime's native library.
 *
 * @param name Of the runtime.
 * @throws Problem If the library is not in the app, or is another phone's.
 */
inline fun <T> withLibrary(name: String, start: () -> T): T = try {
    start()
} catch (error: LinkageError) {
    throw Problem(
        "the library of $name cannot be loaded (${error.message}); install an app that was built for this phone, " +
            "with a bundle of this format",
        error,
    )
}

/** Throws a [Problem] unless a file has the inputs and outputs of its contract, in any order. */
fun checkNames(contract: GraphContract, inputs: Collection<String>, outputs: Collection<String>) {
    for ((kind, specs, names) in listOf(
        Triple("inputs", contract.inputs, inputs),
        Triple("outputs", contract.outputs, outputs),
    )) {
        val wanted = specs.map { it.name }
        if (wanted.sorted() != names.sorted()) {
            throw Problem(
                "the file of ${contract.graph} has the $kind ${names.joinToString()}; its contract says " +
                    "${wanted.joinToString()}: export the bundle again",
            )
        }
    }
    checkTypes(contract)
}

/** Throws a [Problem] unless a graph has float32 alone. */
fun checkTypes(contract: GraphContract) {
    val other = (contract.inputs + contract.outputs).find { it.dtype != "float32" }
    if (other != null) {
        throw Problem("${other.name} of ${contract.graph} is ${other.dtype}; this app runs float32: install a newer app")
    }
}
