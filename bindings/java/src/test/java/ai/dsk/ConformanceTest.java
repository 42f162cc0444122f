package ai.dsk;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The vectors of tests/conformance, which every language must answer with the same bytes. */
class ConformanceTest {
  private static final Path VECTORS = Path.of(System.getProperty("dsk.root"), "tests", "conformance");

  private static List<Path> cases(String folder) throws IOException {
    try (var files = Files.list(VECTORS.resolve(folder))) {
      List<Path> found = files.filter(f -> f.toString().endsWith(".request.json")).sorted().toList();
      assertTrue(!found.isEmpty(), () -> "no vectors in " + folder);
      return found;
    }
  }

  private static Path beside(Path request, String kind) {
    return request.resolveSibling(request.getFileName().toString().replace(".request.", "." + kind + "."));
  }

  private static byte[] call(String kind, Path file) {
    try {
      byte[] request = Files.readAllBytes(file);
      switch (kind) {
        case "memory":
          return Dsk.memoryJson(request);
        case "cost":
          return Dsk.costJson(request);
        case "fit":
          try (Plan plan = Dsk.planJson(Files.readAllBytes(beside(file, "plan")), null)) {
            return plan.fitJson(request);
          }
        default:
          try (Plan plan = Dsk.planJson(request, null)) {
            return plan.toJson().getBytes(UTF_8);
          }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"plan", "memory", "cost", "fit"})
  void answers(String kind) throws IOException {
    for (Path file : cases(kind)) {
      assertArrayEquals(Files.readAllBytes(beside(file, "answer")), call(kind, file), file::toString);
    }
  }

  /** Escapes as the C runner does: only what JSON demands, everything else as it is. */
  private static String quote(String text) {
    StringBuilder out = new StringBuilder();
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < 0x20) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  @ParameterizedTest
  @ValueSource(strings = {"plan", "memory", "cost", "fit"})
  void errors(String kind) throws IOException {
    for (Path file : cases("errors/" + kind)) {
      DskException e = assertThrows(DskException.class, () -> call(kind, file), file::toString);
      String got = "{\n  \"status\": \"" + e.status().name().toLowerCase(java.util.Locale.ROOT) + "\",\n  \"path\": \"" + quote(e.path())
          + "\",\n  \"message\": \"" + quote(e.getMessage()) + "\"\n}\n";
      assertEquals(Files.readString(beside(file, "error")), got, file::toString);
    }
  }
}
