package org.rapsam.core.tasks

/** Height and width in pixels. */
data class Size(val height: Int, val width: Int) {
    /** Pixels. */
    val area: Int get() = height * width

    override fun toString(): String = "${height}x$width"
}

/**
 * How an image lies in the input of the network: at its top left; rapsam/tasks/geometry.py.
 *
 * @property padded Input of the network, with padding.
 * @property content Resized image inside it, without padding.
 * @property original Image before the resize; results are given at this size.
 */
data class Geometry(val padded: Size, val content: Size, val original: Size) {
    /** Factor that turns x in the original image into x in the network's. */
    val scaleX: Double get() = content.width.toDouble() / original.width

    /** Factor that turns y in the original image into y in the network's. */
    val scaleY: Double get() = content.height.toDouble() / original.height
}

/**
 * An upright image of eight bits a channel.
 *
 * @property argb Row by row, as Android's bitmaps give them: 0xAARRGGBB. Alpha is not looked at.
 */
class Picture(val argb: IntArray, val size: Size) {
    init {
        require(argb.size == size.area) { "${argb.size} pixels for $size" }
    }

    /** A picture of the same pixels that can be painted on. */
    fun copy(): Picture = Picture(argb.copyOf(), size)
}

/**
 * Numbers in C order.
 *
 * @property shape As in the contract of a graph.
 */
class Tensor(val data: FloatArray, val shape: List<Int>) {
    /** Entry of the first axis, copied. */
    fun part(place: Int): Tensor {
        val step = data.size / shape[0]
        return Tensor(data.copyOfRange(place * step, (place + 1) * step), shape.drop(1))
    }

    /** The same numbers without the axis of a batch of one. */
    fun withoutBatch(): Tensor = Tensor(data, shape.drop(1))
}
