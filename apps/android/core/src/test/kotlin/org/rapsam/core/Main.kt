package org.rapsam.core

import java.io.File

/** Runs all tests of the core; the argument is the folder of the golden vectors. */
fun main(arguments: Array<String>) {
    val checks = Checks()
    fixtureTests(checks, File(arguments[0]))
    bundleTests(checks)
    runTests(checks)
    sessionTests(checks)
    videoTests(checks)
    photoTests(checks)
    checks.end()
}
