package ai.dsk.internal;

import static java.nio.charset.StandardCharsets.UTF_8;

import ai.dsk.DskException;
import ai.dsk.Status;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;

/**
 * Finds and loads the native library: the file that the system property {@code ai.dsk.library} names; else the one in the
 * classifier jar, kept in a cache folder that is named by its digest; else {@code java.library.path}.
 */
public final class NativeLibrary {
  private static final String NAME = "libdsk_java.so";
  private static volatile boolean ready;
  private static DskException failure;
  private static String origin = "";

  private NativeLibrary() {}

  /** Loads it once; later calls cost one read. A failure is thrown again each time. */
  public static void ensure() {
    if (!ready) {
      loadOnce();
    }
  }

  /** The file that was loaded. */
  public static String origin() {
    ensure();
    return origin;
  }

  private static synchronized void loadOnce() {
    if (ready) {
      return;
    }
    if (failure == null) {
      try {
        load();
        ready = true;
        return;
      } catch (DskException e) {
        failure = e;
      }
    }
    throw failure;
  }

  private static void load() {
    Properties wanted = properties();
    List<String> tried = new ArrayList<>();
    String named = System.getProperty("ai.dsk.library");
    if (named != null) {
      if (!loads(Path.of(named).toAbsolutePath(), tried)) {
        throw missing(wanted, tried);
      }
    } else if (!fromJar(tried) && !fromPath(tried)) {
      throw missing(wanted, tried);
    }
    check(wanted);
  }

  private static DskException missing(Properties wanted, List<String> tried) {
    return new DskException(Status.UNAVAILABLE, "libdsk " + wanted.getProperty("version") + " (ABI " + wanted.getProperty("abi") + ") was not found for "
        + platform() + " with glibc: tried " + String.join("; ", tried), "", "ai.dsk");
  }

  /** Whether the loaded library is of the package's ABI and not older than the package. */
  private static void check(Properties wanted) {
    String version;
    long abi;
    try {
      version = new String(dsk_native.dsk_version_string(), UTF_8);
      abi = dsk_native.dsk_abi_version();
    } catch (UnsatisfiedLinkError e) {
      version = "of an unknown version";
      abi = 0;
    }
    if (abi != Long.parseLong(wanted.getProperty("abi")) || older(version, wanted.getProperty("version"))) {
      throw new DskException(Status.UNSUPPORTED, "libdsk " + version + " (ABI " + abi + ") was loaded from " + origin + ", but this package is for libdsk "
          + wanted.getProperty("version") + " (ABI " + wanted.getProperty("abi") + ") or newer of that ABI", "", "ai.dsk");
    }
  }

  static boolean older(String have, String want) {
    String[] h = have.split("\\.");
    String[] w = want.split("\\.");
    for (int i = 0; i < Math.min(h.length, w.length); i++) {
      int difference = Integer.compare(Integer.parseInt(h[i]), Integer.parseInt(w[i]));
      if (difference != 0) {
        return difference < 0;
      }
    }
    return false;
  }

  private static Properties properties() {
    Properties p = new Properties();
    try (InputStream in = NativeLibrary.class.getResourceAsStream("/ai/dsk/package.properties")) {
      p.load(in);
    } catch (IOException e) {
      throw new DskException(Status.INTERNAL, "the jar is not whole: " + e.getMessage(), "", "ai.dsk");
    }
    return p;
  }

  private static boolean loads(Path file, List<String> tried) {
    try {
      System.load(file.toString());
      origin = file.toString();
      return true;
    } catch (UnsatisfiedLinkError e) {
      // The JVM says the path again, and why.
      String why = String.valueOf(e.getMessage()).replace(file + ": ", "");
      tried.add(file + " (" + why + ")");
      return false;
    }
  }

  private static boolean fromPath(List<String> tried) {
    for (String folder : System.getProperty("java.library.path", "").split(":")) {
      if (!folder.isEmpty() && loads(Path.of(folder, NAME).toAbsolutePath(), tried)) {
        return true;
      }
    }
    return false;
  }

  static String platform() {
    String arch = System.getProperty("os.arch");
    return System.getProperty("os.name").toLowerCase(Locale.ROOT) + "-" + (arch.equals("amd64") ? "x86_64" : arch);
  }

  private static boolean fromJar(List<String> tried) {
    String folder = "META-INF/native/" + platform() + "/";
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (String name : List.of(NAME, "libdsk_load.so")) {
      try (InputStream in = NativeLibrary.class.getClassLoader().getResourceAsStream(folder + name)) {
        if (in != null) {
          files.put(name, in.readAllBytes());
        }
      } catch (IOException e) {
        tried.add("the class path's " + folder + name + " (" + e.getMessage() + ")");
      }
    }
    if (!files.containsKey(NAME)) {
      tried.add("the class path's " + folder + NAME + " (not there: add the jar with the classifier " + platform() + ")");
      return false;
    }
    MessageDigest all = sha256();
    files.values().forEach(all::update);
    String digest = HexFormat.of().formatHex(all.digest());
    for (Path cache : caches()) {
      Path place = cache.resolve(digest);
      try {
        extract(place, files);
      } catch (IOException e) {
        tried.add(place + " (cannot be written: " + e + ")");
        continue;
      }
      if (loads(place.resolve(NAME), tried)) {
        return true;
      }
    }
    return false;
  }

  /** The cache of the user, and the folder for temporary files where that cannot be written or must not hold programs. */
  private static List<Path> caches() {
    List<Path> out = new ArrayList<>();
    String named = System.getProperty("ai.dsk.cache");
    String xdg = System.getenv("XDG_CACHE_HOME");
    if (named != null) {
      out.add(Path.of(named));
    } else if (xdg != null && !xdg.isEmpty()) {
      out.add(Path.of(xdg, "dsk", "java"));
    } else {
      out.add(Path.of(System.getProperty("user.home"), ".cache", "dsk", "java"));
    }
    out.add(Path.of(System.getProperty("java.io.tmpdir"), "dsk-java-" + System.getProperty("user.name")));
    return out.stream().map(Path::toAbsolutePath).toList();
  }

  /** Writes each file once, under a lock that other JVMs see too. A file that is not what it should be is replaced. */
  private static void extract(Path place, Map<String, byte[]> files) throws IOException {
    Files.createDirectories(place);
    Path probe = Files.createTempFile(place, "owner", ".new");
    try {
      // Nobody else may be able to change what is loaded from here.
      if (!Files.getOwner(probe).equals(Files.getOwner(place))) {
        throw new IOException("the folder is another user's");
      }
    } finally {
      Files.delete(probe);
    }
    try (FileChannel channel = FileChannel.open(place.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Path target = place.resolve(file.getKey());
        if (Files.isRegularFile(target) && MessageDigest.isEqual(sha256().digest(Files.readAllBytes(target)), sha256().digest(file.getValue()))) {
          continue;
        }
        Path fresh = Files.createTempFile(place, file.getKey(), ".new");
        Files.write(fresh, file.getValue());
        Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }
}
