package org.rapsam.sample

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.net.Uri
import android.os.Bundle
import android.os.Parcelable
import android.os.SystemClock
import android.util.Log
import android.view.Menu
import android.view.MenuItem
import android.view.View
import android.widget.Button
import android.widget.RadioGroup
import android.widget.TextView
import org.rapsam.core.run.Segmenter
import org.rapsam.core.session.Entry
import org.rapsam.core.session.TapMeaning
import org.rapsam.core.session.meanings
import org.rapsam.core.tasks.Prompt

private const val PHOTO_REQUEST = 1
private const val SELF_TEST = 1
private const val BENCHMARK = 2

/** Address of the photo, in what Android keeps of a screen. */
private const val PHOTO = "photo"

/** What the switch says that the next tap asks for. */
private val MEANINGS =
    mapOf(R.id.new_region to TapMeaning.NEW_REGION, R.id.add to TapMeaning.ADD, R.id.take_away to TapMeaning.TAKE_AWAY)

/** Photos: objects, and regions by taps or boxes. */
class MainActivity : Activity() {
    private val model by lazy { (application as SampleApp).model }
    private val picture by lazy { findViewById<PhotoView>(R.id.picture) }
    private val status by lazy { findViewById<TextView>(R.id.status) }
    private val problem by lazy { findViewById<TextView>(R.id.problem) }
    private val found by lazy { findViewById<TextView>(R.id.found) }
    private val camera by lazy { findViewById<Button>(R.id.camera) }
    private val switch by lazy { findViewById<RadioGroup>(R.id.meanings) }
    private var photo: Uri? = null
    private val memoryIsShort = {
        photo = null
        complain(getString(R.string.memory_short))
        show()
    }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.main)
        findViewById<Button>(R.id.photo).setOnClickListener { choose() }
        camera.setOnClickListener { startActivity(Intent(this, CameraActivity::class.java)) }
        findViewById<Button>(R.id.clear).setOnClickListener { clear() }
        findViewById<Button>(R.id.undo).setOnClickListener { undo() }
        findViewById<Button>(R.id.share).setOnClickListener { share() }
        picture.onPrompt = ::ask
        status.setText(R.string.loading)
        model.work(::complain, { describe() to Segmenter(model.loaded()) }) { (line, segmenter) ->
            status.text = getString(R.string.ready, line)
            // A network that takes prompts only has nothing to say of moving pictures.
            camera.isEnabled = segmenter.findsObjects
            offer(segmenter.promptSpec?.meanings.orEmpty())
        }
        photo = state?.getString(PHOTO)?.let(Uri::parse)
        if (state == null && intent.action == Intent.ACTION_SEND) {
            sent()?.let(::take) ?: complain(getString(R.string.nothing_sent))
        }
    }

    /** Shows what there is now: another screen may have taken another photo, and Android may have ended the app meanwhile. */
    override fun onStart() {
        super.onStart()
        model.onMemoryShort = memoryIsShort
        val kept = photo
        model.work(::lose, { if (kept != null && !model.session().hasPhoto) load(kept) }) { show() }
    }

    override fun onStop() {
        // Another screen of this kind may have set its own already.
        if (model.onMemoryShort === memoryIsShort) model.onMemoryShort = {}
        super.onStop()
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putString(PHOTO, photo?.toString())
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menu.add(Menu.NONE, SELF_TEST, Menu.NONE, R.string.self_test)
        menu.add(Menu.NONE, BENCHMARK, Menu.NONE, R.string.benchmark)
        return true
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        val next = when (item.itemId) {
            SELF_TEST -> SelfTestActivity::class.java
            BENCHMARK -> BenchmarkActivity::class.java
            else -> return super.onOptionsItemSelected(item)
        }
        startActivity(Intent(this, next))
        return true
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        super.onActivityResult(request, result, data)
        val uri = data?.data
        if (request == PHOTO_REQUEST && result == RESULT_OK && uri != null) take(uri)
    }

    private fun describe(): String {
        val manifest = model.bundle().manifest
        return "${manifest.model}, ${manifest.recipe}; ${model.loaded().runtime} ${model.loaded().engine.version.orEmpty()}"
    }

    private fun choose() {
        val request = Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE)
        startActivityForResult(Intent.createChooser(request, getString(R.string.photo)), PHOTO_REQUEST)
    }

    /** What another app sends, if it is an address: it may be anything. */
    @Suppress("DEPRECATION") // The other form is of API 33.
    private fun sent(): Uri? = try {
        intent.getParcelableExtra<Parcelable>(Intent.EXTRA_STREAM) as? Uri
    } catch (error: RuntimeException) {
        Log.w(TAG, "what was sent cannot be read", error)
        null
    }

    /** Shows the switch where a region may have several points. */
    private fun offer(offered: List<TapMeaning>) {
        findViewById<View>(R.id.changes).visibility = if (offered.size > 1) View.VISIBLE else View.GONE
        for ((button, meaning) in MEANINGS) {
            findViewById<View>(button).visibility = if (meaning in offered) View.VISIBLE else View.GONE
        }
    }

    private fun take(uri: Uri) {
        switch.check(R.id.new_region)
        val before = photo
        // At once: where the screen turns meanwhile, the next one tells how it ends.
        photo = uri
        timed({ load(uri) }, { photo = before }) { count, milliseconds ->
            if (count == null) getString(R.string.looked_at, milliseconds) else getString(R.string.found, count, milliseconds)
        }
    }

    /** Reads a photo and looks at it, on the worker's thread. */
    private fun load(uri: Uri): Int? {
        model.session().take(readPhoto(contentResolver, uri))
        return model.session().find()
    }

    private fun lose(line: String) {
        photo = null
        complain(line)
        show()
    }

    private fun ask(prompt: Prompt) {
        // As it is when the finger is lifted: what is asked before may still be on its way.
        val meaning = MEANINGS.getValue(switch.checkedRadioButtonId)
        timed({ model.session().ask(prompt, meaning) }) { _, milliseconds -> getString(R.string.region_found, milliseconds) }
    }

    private fun undo() = model.work(::complain, { model.session().undo() }) {
        problem.visibility = View.GONE
        show()
    }

    private fun clear() = model.work(::complain, { model.session().clear() }) { show() }

    /** Does something, says how long it took, and shows what there is then. */
    private fun <T> timed(job: () -> T, undone: () -> Unit = {}, told: (T, Long) -> String) {
        status.setText(R.string.working)
        model.work(
            {
                undone()
                complain(it)
                show()
            },
            {
                val start = SystemClock.elapsedRealtime()
                job() to SystemClock.elapsedRealtime() - start
            },
        ) { (result, milliseconds) ->
            problem.visibility = View.GONE
            status.text = told(result, milliseconds)
            show()
        }
    }

    /** Paints on the worker's thread, and shows what it painted. */
    private fun show() = model.work(::complain, { shown() }) { (bitmap, entries) ->
        picture.bitmap = bitmap
        if (bitmap == null) found.setText(R.string.hint) else found.text = coloured(entries)
    }

    private fun shown(): Pair<Bitmap?, List<Entry>> {
        val view = model.session().view()
        return view?.picture?.let(::bitmapOf) to view?.entries.orEmpty()
    }

    private fun share() = model.work(::complain, { saved() }) { uri ->
        if (uri == null) return@work
        val send = Intent(Intent.ACTION_SEND).setType(OVERLAY_TYPE).putExtra(Intent.EXTRA_STREAM, uri)
        send.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        startActivity(Intent.createChooser(send, getString(R.string.share)))
    }

    private fun saved(): Uri? = model.session().view()?.let { saveOverlay(this, bitmapOf(it.picture)) }

    private fun complain(line: String) {
        problem.text = line
        problem.visibility = View.VISIBLE
        status.text = ""
    }
}
