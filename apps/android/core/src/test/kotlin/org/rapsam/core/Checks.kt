package org.rapsam.core

/** Runs tests one after another, and counts; there is no test library among the packages that this is built from. */
class Checks {
    private var passed = 0
    private var failed = 0

    /** Runs a test; whatever it throws is a failure. */
    fun test(name: String, body: () -> Unit) {
        try {
            body()
            passed++
        } catch (error: Throwable) {
            failed++
            println("FAILED $name: ${error.message ?: error}")
            if (error !is AssertionError) error.printStackTrace(System.out)
        }
    }

    /** Prints the sum, and ends the program with 1 if a test failed. */
    fun end(): Nothing {
        println("$passed passed, $failed failed")
        System.exit(if (failed == 0 && passed > 0) 0 else 1)
        throw IllegalStateException()
    }
}

/** Fails unless two things are equal. */
fun assertEqual(expected: Any?, found: Any?) {
    if (expected != found) throw AssertionError("found $found, expected $expected")
}

/** Fails unless it throws a [Problem] in one line whose message holds all of these words. */
fun assertProblem(vararg words: String, body: () -> Unit) {
    val message = try {
        body()
        throw AssertionError("no problem; expected one of ${words.joinToString()}")
    } catch (problem: Problem) {
        problem.message.orEmpty()
    }
    for (word in words) if (word !in message) throw AssertionError("\"$message\" does not say \"$word\"")
    if (message.any { it.isISOControl() }) throw AssertionError("\"$message\" has more than one line")
}
