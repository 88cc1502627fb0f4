package org.rapsam.core

import java.nio.ByteBuffer
import org.rapsam.core.bundle.GraphContract
import org.rapsam.core.run.Engine
import org.rapsam.core.run.EngineFactory
import org.rapsam.core.run.Graph
import org.rapsam.core.run.Tensors
import org.rapsam.core.tasks.Tensor

/** Of queries. */
const val CHANNELS = 4

/** How a runtime behaves. */
enum class Mood { WORKS, RETURNS_NAN, REFUSES, FAILS, RETURNS_ANOTHER_SHAPE }

/**
 * Stands for a runtime: the left half of an image is a cup, the right half a wall; a prompt is answered with the
 * left half, a column less for every point beside it, and logits that are other ones every time.
 */
class FakeFactory(private val mood: Mood = Mood.WORKS) : EngineFactory {
    override val suffix = ".fake"
    override val manifestName = "fake"
    override val runtimes = listOf("Fake", "Fake, other")

    /** How often a graph ran. */
    var runs = 0

    /** What the graph of prompts got last. */
    var given: Tensors = emptyMap()

    override fun open(runtime: String, threads: Int?): Engine = object : Engine {
        override val version = "1"

        override fun load(model: ByteBuffer, contract: GraphContract): Graph {
            if (mood == Mood.REFUSES) throw Problem("$runtime refuses the graph ${contract.graph} (no kernel); take another")
            return FakeGraph(contract)
        }

        override fun close() = Unit
    }

    private inner class FakeGraph(override val contract: GraphContract) : Graph {
        override val reported = listOf("fake")

        override fun run(inputs: Tensors): Tensors {
            runs++
            if (contract.takesPrompts) given = inputs
            if (mood == Mood.FAILS) throw Problem("Fake fails to run the graph ${contract.graph} (out of memory); take another")
            return contract.outputs.associate { spec ->
                val data = FloatArray(spec.count) { valueOf(spec.name, it) }
                if (mood == Mood.RETURNS_NAN && spec.name in setOf("masks", "mask")) data[0] = Float.NaN
                val shape = if (mood == Mood.RETURNS_ANOTHER_SHAPE) spec.shape + 1 else spec.shape
                spec.name to Tensor(data, shape)
            }
        }

        override fun close() = Unit
    }

    private fun beside() = given["point_labels"]?.data?.count { it == 0f } ?: 0

    private fun valueOf(name: String, place: Int): Float {
        val column = place % (SIDE / 4)
        val isLeft = column < SIDE / 8
        return when (name) {
            // Queries: a cup, a wall, nothing.
            "classes" -> if (place in setOf(0, 6, 11)) 9f else 0f
            "masks" -> if ((place / (SIDE * SIDE / 16) == 0) == isLeft) 5f else -5f
            "mask" -> if (column < SIDE / 8 - beside()) 5f + runs else -5f
            "iou" -> 0.5f
            "queries" -> if (place % CHANNELS == place / CHANNELS) 1f else 0f
            else -> 0f
        }
    }
}
