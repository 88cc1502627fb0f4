// Kotlin without Android: bundles, tasks, self-test, benchmark. Its tests are a program, org.rapsam.core.MainKt.
import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    id("org.jetbrains.kotlin.jvm")
}

java {
    sourceCompatibility = JavaVersion.VERSION_1_8
    targetCompatibility = JavaVersion.VERSION_1_8
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_1_8
        allWarningsAsErrors = true
        freeCompilerArgs.add("-Xjdk-release=8")
    }
}

tasks.register<JavaExec>("checkCore") {
    description = "Runs the tests, on the golden vectors of apps/fixtures."
    classpath = sourceSets["test"].runtimeClasspath
    mainClass = "org.rapsam.core.MainKt"
    args("$rootDir/../fixtures/vectors")
}

tasks.named("check") { dependsOn("checkCore") }
