package ai.dsk.internal;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The loader in JVMs of its own. */
class LoaderTest {
  @TempDir Path work;
  private Path jar;
  private final String classes = List.of("classes", "test-classes").stream().map(f -> System.getProperty("dsk.build") + "/maven/" + f)
      .reduce((a, b) -> a + ":" + b).orElseThrow();

  /** A folder that stands for the classifier jar. */
  @BeforeEach
  void jar() throws IOException {
    jar = work.resolve("jar");
    Path folder = Files.createDirectories(jar.resolve("META-INF/native/" + NativeLibrary.platform()));
    try (var files = Files.list(Path.of(System.getProperty("dsk.build"), "native", NativeLibrary.platform()))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
  }

  private Process start(String classPath, String... options) throws IOException {
    List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-XX:TieredStopAtLevel=1", "-Xshare:auto"));
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", classPath, "ai.dsk.internal.PrintLibrary"));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private static List<String> lines(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), UTF_8).lines().toList();
  }

  private String cache(String name) {
    return "-Dai.dsk.cache=" + work.resolve(name);
  }

  @Test
  void theCacheIsNamedByContentAndShared() throws IOException {
    // Two at once, both into a cache that is not there yet.
    Process a = start(jar + ":" + classes, cache("cache"));
    Process b = start(jar + ":" + classes, cache("cache"));
    List<String> first = lines(a);
    assertEquals(first, lines(b));
    assertEquals(2, first.size());
    assertEquals(first.get(0), first.get(1));
    Path library = Path.of(first.get(0).substring(first.get(0).indexOf(' ') + 1));
    assertTrue(library.startsWith(work.resolve("cache")) && library.getParent().getFileName().toString().matches("[0-9a-f]{64}"), library::toString);
    assertTrue(Files.exists(library.resolveSibling("libdsk_load.so")));

    // What is not what it should be is replaced.
    byte[] right = Files.readAllBytes(library);
    Files.write(library, new byte[] {1, 2, 3});
    assertEquals(first, lines(start(jar + ":" + classes, cache("cache"))));
    assertEquals(-1, java.util.Arrays.mismatch(right, Files.readAllBytes(library)));
    try (var files = Files.list(library.getParent())) {
      assertEquals(3, files.count(), "two libraries and the lock");
    }
  }

  @Test
  void anotherFolderIsUsedWhereTheCacheCannotBe() throws IOException {
    Files.write(work.resolve("file"), new byte[0]);
    Path temporary = Files.createDirectory(work.resolve("tmp"));
    List<String> out = lines(start(jar + ":" + classes, cache("file/below"), "-Djava.io.tmpdir=" + temporary));
    assertTrue(out.get(0).contains(" " + temporary), out::toString);
  }

  @Test
  void aMissingLibraryIsOneSentenceWithEveryPath() throws IOException {
    List<String> out = lines(start(classes, cache("cache"), "-Djava.library.path=" + work.resolve("one") + ":" + work.resolve("two")));
    assertEquals(2, out.size(), "the same sentence each time");
    assertEquals(out.get(0), out.get(1));
    for (String part : List.of("UNAVAILABLE libdsk ", "(ABI 1) was not found", "META-INF/native/" + NativeLibrary.platform() + "/libdsk_java.so",
        work.resolve("one") + "/libdsk_java.so", work.resolve("two") + "/libdsk_java.so")) {
      assertTrue(out.get(0).contains(part), () -> part + " is not in " + out);
    }
  }

  @Test
  void aNamedLibraryIsTheOnlyOneTried() throws IOException {
    List<String> out = lines(start(jar + ":" + classes, "-Dai.dsk.library=" + work.resolve("nothing.so")));
    assertTrue(out.get(0).startsWith("UNAVAILABLE ") && out.get(0).contains(work.resolve("nothing.so").toString()), out::toString);
    assertFalse(out.get(0).contains("META-INF"), out::toString);
  }

  @Test
  void versionsAreComparedByNumber() {
    assertTrue(NativeLibrary.older("0.9.9", "0.10.0") && NativeLibrary.older("0.1.0", "0.1.1"));
    assertFalse(NativeLibrary.older("0.10.0", "0.9.9") || NativeLibrary.older("0.1.0", "0.1.0"));
  }
}
