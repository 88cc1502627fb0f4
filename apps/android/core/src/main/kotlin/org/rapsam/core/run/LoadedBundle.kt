package org.rapsam.core.run

import org.rapsam.core.Problem
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.bundle.GraphEntry

/**
 * A bundle whose graphs are loaded.
 *
 * @property runtime What computes; see [EngineFactory.runtimes].
 * @property graphs By name, in the order of the manifest.
 */
class LoadedBundle private constructor(
    val bundle: Bundle,
    val runtime: String,
    val engine: Engine,
    val graphs: Map<String, Graph>,
) : AutoCloseable {
    override fun close() {
        graphs.values.forEach(Graph::close)
        engine.close()
    }

    companion object {
        /** Finds the engine for a bundle; see [factoryFor]. */
        fun factory(bundle: Bundle, factories: List<EngineFactory>): EngineFactory {
            val kinds = bundle.manifest.graphs.map { factoryFor(it.path, factories) }.toSet()
            return kinds.singleOrNull() ?: throw Problem("the bundle needs several runtimes at once; export it again")
        }

        /**
         * Loads all graphs of a bundle.
         *
         * @param runtime One of the factory's.
         * @param threads CPU threads; null: the runtime chooses.
         * @param loading Told of each graph; must run what it is given.
         * @throws Problem If a file is another one than the manifest names, the runtime is another or older than the bundle
         *   needs, or it refuses a graph.
         */
        fun load(
            bundle: Bundle,
            factory: EngineFactory,
            runtime: String,
            threads: Int?,
            loading: (GraphEntry, () -> Unit) -> Unit = { _, load -> load() },
        ): LoadedBundle {
            if (runtime !in factory.runtimes) {
                throw Problem("$runtime does not run this bundle; expected ${factory.runtimes.joinToString(" or ")}")
            }
            val engine = factory.open(runtime, threads)
            val graphs = LinkedHashMap<String, Graph>()
            try {
                checkRelease(engine, runtime, factory.manifestName, bundle.manifest.minimumRuntime)
                for (entry in bundle.manifest.graphs) {
                    val model = bundle.file(entry.path)
                    loading(entry) { graphs[entry.contract.graph] = engine.load(model, entry.contract) }
                }
            } catch (error: Exception) {
                graphs.values.forEach(Graph::close)
                engine.close()
                throw error
            }
            return LoadedBundle(bundle, runtime, engine, graphs)
        }
    }
}
