// Names, and types, are those that ExecuTorch's library and its Java classes look for; see fbjni.cpp for why fbjni's own are not here.
package com.facebook.jni

import java.lang.ref.PhantomReference
import java.lang.ref.ReferenceQueue
import java.util.concurrent.ConcurrentHashMap

/** Holds an object of C++ until it is let go, or until nobody has this any more and another one is made. */
class HybridData {
    private val mDestructor = Destructor()

    /** Whether it has its object. */
    val isValid: Boolean get() = mDestructor.holds

    init {
        Unreachable.freeAll()
        Unreachable.watch(this, mDestructor)
    }

    /** Lets the object go. */
    fun resetNative() = mDestructor.destruct()

    /** The object itself. */
    class Destructor internal constructor() {
        @Volatile private var mNativePointer = 0L

        internal val holds: Boolean get() = mNativePointer != 0L

        @Synchronized internal fun destruct() {
            val pointer = mNativePointer
            mNativePointer = 0L
            release(pointer)
        }

        private companion object {
            @JvmStatic private external fun release(pointer: Long)
        }
    }
}

/** What the library asks of each class; none is one. */
internal class HybridClassBase private constructor()

/** Objects whose owners the garbage collector took: ExecuTorch has no other way to free its outputs. */
private object Unreachable {
    private class Watched(owner: HybridData, val destructor: HybridData.Destructor) :
        PhantomReference<HybridData>(owner, owners)

    private val owners = ReferenceQueue<HybridData>()
    private val watched: MutableSet<Watched> = ConcurrentHashMap.newKeySet()

    fun watch(owner: HybridData, destructor: HybridData.Destructor) {
        watched += Watched(owner, destructor)
    }

    fun freeAll() {
        while (true) {
            val found = owners.poll() as Watched? ?: return
            watched -= found
            found.destructor.destruct()
        }
    }
}
