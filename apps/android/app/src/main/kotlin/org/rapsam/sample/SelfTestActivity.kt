package org.rapsam.sample

import org.rapsam.core.selftest.selfTest
import org.rapsam.core.selftest.selfTestText

/** Whether the graphs compute here, on a unit, what they computed when the bundle was made. */
class SelfTestActivity : ReportActivity() {
    override fun made(runtime: String): String {
        say(getString(R.string.loading))
        return model.loadedFor(runtime).use { loaded -> selfTestText(selfTest(loaded, ::say)) }
    }
}
