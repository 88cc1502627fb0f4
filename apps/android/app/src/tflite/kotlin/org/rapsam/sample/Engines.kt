package org.rapsam.sample

import org.rapsam.core.run.EngineFactory
import org.rapsam.engine.tflite.TfliteEngineFactory

/** What runs graphs here: the format of the bundle that the app is built with. */
val ENGINES: List<EngineFactory> = listOf(TfliteEngineFactory())
