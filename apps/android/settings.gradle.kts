// For Android Studio and Gradle with Google's repositories. Not run by this project's CI, which has none: see docs/apps.md.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}

dependencyResolutionManagement {
    repositoriesMode = RepositoriesMode.FAIL_ON_PROJECT_REPOS
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "rapsam-sample"
include(":core", ":engine-onnx", ":engine-tflite", ":engine-executorch", ":app")
