#!/usr/bin/env bash
# java.sh WHAT BUILD: the Java package over an install tree of the build folder BUILD. WHAT is one of
#   build    the JNI library and the jars, with sources and javadoc
#   test     the JUnit tests in one JVM with -Xcheck:jni; their reports go to the folder DSK_REPORTS
#   jni      what -Xcheck:jni said of those tests: nothing
#   package  the jars' sizes, and a program on the class path and on the module path
#   old      a library of another ABI is refused in one sentence with its file and both versions
#   docs     the programs of docs/java.md are compiled and run
#   stress   fewer calls of the stress program
#   border   the border cost of the step query (prints; no test)
#   spring   the Spring Boot example's tests
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
. tests/env.sh
what=$1 build=$(cd "$2" && pwd)
out=$build/java-package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
platform=linux-$(uname -m)
maven() { mvn -B -q -f "$root/bindings/java/pom.xml" -Ddsk.build="$out" -Ddsk.platform="$platform" "$@"; }
version=$(head -n 1 VERSION)
jar=$out/maven/dsk-$version.jar native=$out/maven/dsk-$version-$platform.jar
tests_path() { find "$HOME/.m2/repository" -name 'junit-jupiter-api-5.14.4.jar' -o -name 'opentest4j-1.3.0.jar' -o -name 'junit-platform-commons-1.14.4.jar' | paste -sd:; }

case $what in
  build)
    cmake --install "$build" --prefix "$build/prefix-java" >"$work/log" || { cat "$work/log"; exit 1; }
    cmake -S bindings/java -B "$out" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDSK_WERROR=ON -DCMAKE_PREFIX_PATH="$build/prefix-java"
    cmake --build "$out"
    python3 bindings/coverage.py java
    maven -Prelease -DskipTests install
    ;;
  test)
    status=0
    rm -rf "$out/maven/surefire-reports"
    maven surefire:test >"$out/test.log" 2>&1 || status=$?
    cat "$out/test.log"
    mkdir -p "$DSK_REPORTS"
    cp "$out"/maven/surefire-reports/TEST-*.xml "$DSK_REPORTS"
    exit $status
    ;;
  jni)
    # A JVM that does not check would be quiet too.
    grep -q -- '-Xcheck:jni' bindings/java/pom.xml
    ! grep -rEi 'in native method|local refs|checked jni|jni warning' "$out/test.log" "$out/maven/surefire-reports"
    ;;
  package)
    ls -l "$out"/maven/*.jar
    for file in "$jar" "$native"; do [ "$(stat -c %s "$file")" -le 10000000 ] || { echo "$file is above 10 MB"; exit 1; }; done
    cd "$work"
    mkdir program
    cat >program/module-info.java <<'EOF'
module program { requires ai.dsk; }
EOF
    cat >program/Main.java <<'EOF'
package program;

import ai.dsk.Dsk;

public class Main {
  public static void main(String[] arguments) {
    System.out.println(Dsk.version() + " " + Dsk.catalogNames(Dsk.CatalogKind.MODEL).size() + " models");
  }
}
EOF
    javac -p "$jar" -d classes program/*.java
    java -Dai.dsk.cache="$work/cache" -cp "$jar:$native:classes" program.Main | grep -E "^$version [1-9]"
    java -Dai.dsk.cache="$work/cache" -p "$jar:$native:classes" --add-modules ai.dsk.natives -m program/program.Main | grep -E "^$version [1-9]"
    ;;
  old)
    jdk=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
    cat >"$work/old.c" <<'EOF'
#include <jni.h>
JNIEXPORT jbyteArray JNICALL Java_ai_dsk_internal_dsk_1nativeJNI_dsk_1version_1string(JNIEnv* env, jclass c) {
  (void)c;
  jbyteArray a = (*env)->NewByteArray(env, 5);
  (*env)->SetByteArrayRegion(env, a, 0, 5, (const jbyte*)"0.0.9");
  return a;
}
JNIEXPORT jlong JNICALL Java_ai_dsk_internal_dsk_1nativeJNI_dsk_1abi_1version(JNIEnv* env, jclass c) { (void)env; (void)c; return 0; }
EOF
    gcc -shared -fPIC -I"$jdk/include" -I"$jdk/include/linux" "$work/old.c" -o "$work/libdsk_java.so"
    java -Dai.dsk.library="$work/libdsk_java.so" -cp "$jar:$out/maven/test-classes" ai.dsk.internal.PrintLibrary | tee "$work/out"
    grep -F "UNSUPPORTED libdsk 0.0.9 (ABI 0) was loaded from $work/libdsk_java.so, but this package is for libdsk $version (ABI 1)" "$work/out"
    ;;
  docs)
    python3 tests/bindings/blocks.py docs/java.md java "$work/docs"
    for program in "$work"/docs/*/; do
      echo "== $program"
      (cd "$program" && mv block Main.java && java -Dai.dsk.cache="$work/cache" -cp "$jar:$native" Main.java >out && python3 "$root/tests/bindings/expect.py" out expected)
    done
    ;;
  stress)
    java -Xms128m -Xmx128m -XX:+AlwaysPreTouch -Dai.dsk.library="$out/native/$platform/libdsk_java.so" \
      -cp "$out/maven/classes:$out/maven/test-classes:$(tests_path)" ai.dsk.Stress "${DSK_CALLS:-50000}"
    ;;
  border)
    # shellcheck disable=SC2046  # the flags are words
    PKG_CONFIG_PATH=$(dirname "$(find "$build/prefix-java" -name dsk.pc)") && export PKG_CONFIG_PATH
    gcc -O2 tests/bindings/step_loop.c $(pkg-config --cflags --libs dsk) -Wl,-rpath,"$(pkg-config --variable=libdir dsk)" -o "$work/step_loop"
    java -Dai.dsk.library="$out/native/$platform/libdsk_java.so" -cp "$out/maven/classes:$out/maven/test-classes:$(tests_path)" \
      ai.dsk.BorderBenchmark "$("$work/step_loop")"
    ;;
  spring)
    status=0
    mvn -B -q -f examples/java/spring-boot/pom.xml -Ddsk.platform="$platform" -Dspring.build="$build/java-spring" test || status=$?
    mkdir -p "$DSK_REPORTS"
    cp "$build"/java-spring/surefire-reports/TEST-*.xml "$DSK_REPORTS"
    exit $status
    ;;
  *) echo "unknown: $what"; exit 2 ;;
esac
