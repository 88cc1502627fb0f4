package org.rapsam.sample

import android.app.Application
import android.content.ComponentCallbacks2

/** What lives as long as the process: screens come and go, the network and the photo stay. */
class SampleApp : Application() {
    /** The bundle, its graphs and the photo; used on its own thread only. */
    lateinit var model: Model
        private set

    override fun onCreate() {
        super.onCreate()
        model = Model(this)
    }

    override fun onTrimMemory(level: Int) {
        super.onTrimMemory(level)
        if (level in ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL until ComponentCallbacks2.TRIM_MEMORY_UI_HIDDEN) {
            model.memoryIsShort()
        }
    }
}
