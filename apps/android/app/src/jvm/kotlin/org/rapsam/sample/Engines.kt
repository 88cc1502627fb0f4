package org.rapsam.sample

import org.rapsam.core.run.EngineFactory
import org.rapsam.engine.executorch.ExecutorchEngineFactory
import org.rapsam.engine.onnx.OnnxEngineFactory
import org.rapsam.engine.tflite.TfliteEngineFactory

/** What runs graphs in a Java machine, for tests: everything. An app has the one of its own format. */
val ENGINES: List<EngineFactory> = listOf(OnnxEngineFactory(), TfliteEngineFactory(), ExecutorchEngineFactory())
