// ExecuTorch behind the core's interface of engines.
import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    id("com.android.library")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.rapsam.engine.executorch"
    compileSdk = 34
    defaultConfig { minSdk = 26 }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_1_8
        allWarningsAsErrors = true
    }
}

dependencies {
    api(project(":core"))
    // No older than what bundles are exported for. The engine was compiled and run with the library that toolchain/tools.py
    // pins, which does not tell its version; with this package never.
    implementation("org.pytorch:executorch-android:1.4.1")
}
