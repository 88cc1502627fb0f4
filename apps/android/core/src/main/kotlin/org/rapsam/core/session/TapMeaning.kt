package org.rapsam.core.session

import org.rapsam.core.tasks.PromptSpec

/** What a tap asks for. */
enum class TapMeaning {
    /** A region of its own. */
    NEW_REGION,

    /** That the last region holds this place too. */
    ADD,

    /** That the last region does not hold this place. */
    TAKE_AWAY,
}

/** What a tap may ask for. */
val PromptSpec.meanings: List<TapMeaning>
    get() = when {
        maxPoints < 2 -> listOf(TapMeaning.NEW_REGION)
        negativePoints -> TapMeaning.entries
        else -> listOf(TapMeaning.NEW_REGION, TapMeaning.ADD)
    }
