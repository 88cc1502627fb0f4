// The app. Put a bundle of `rapsam export --target onnx` into app/src/main/assets/bundle before building it. For one of
// `--target tflite` put libtensorflowlite_jni.so of TensorFlow Lite 2.14 into app/src/main/jniLibs/ABI, too.
import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.rapsam.sample"
    compileSdk = 34
    defaultConfig {
        applicationId = "org.rapsam.sample"
        minSdk = 26
        targetSdk = 34
        versionCode = 1
        versionName = "0.1.0"
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles("rules.pro")
        }
    }
    splits {
        abi {
            isEnable = true
            reset()
            include("arm64-v8a", "x86_64")
        }
    }
    packaging { jniLibs { useLegacyPackaging = true } }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    lint { warningsAsErrors = true }
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_1_8
        allWarningsAsErrors = true
    }
}

dependencies {
    implementation(project(":core"))
    implementation(project(":engine-onnx"))
    implementation(project(":engine-tflite"))
    implementation(project(":engine-executorch"))
}
