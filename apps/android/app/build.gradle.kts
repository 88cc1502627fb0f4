// The app, one for each format of bundles: put one of `rapsam export --target onnx`, `tflite` or `executorch` into
// app/src/onnx/assets/bundle, and so on, before building it. For tflite put libtensorflowlite_jni.so of TensorFlow Lite 2.14 into
// app/src/tflite/jniLibs/ABI, too.
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
    flavorDimensions += "format"
    productFlavors {
        for (format in listOf("onnx", "tflite", "executorch")) {
            create(format) {
                dimension = "format"
                proguardFile("src/$format/rules.pro")
            }
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
    "onnxImplementation"(project(":engine-onnx"))
    "tfliteImplementation"(project(":engine-tflite"))
    "executorchImplementation"(project(":engine-executorch"))
}
