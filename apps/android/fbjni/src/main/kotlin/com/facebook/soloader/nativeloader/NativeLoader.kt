// Names, and types, are those by which ExecuTorch's Java classes load their library.
package com.facebook.soloader.nativeloader

/** A way to load libraries; the system's is the only one here. */
interface NativeLoaderDelegate

/** The system's way. */
class SystemDelegate : NativeLoaderDelegate

/** Loads libraries. */
internal object NativeLoader {
    @JvmStatic fun isInitialized(): Boolean = true

    @JvmStatic
    @Suppress("UNUSED_PARAMETER")
    fun init(delegate: NativeLoaderDelegate) = Unit

    @JvmStatic
    fun loadLibrary(name: String): Boolean {
        System.loadLibrary(name)
        return true
    }
}
