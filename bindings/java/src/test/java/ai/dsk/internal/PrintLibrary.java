package ai.dsk.internal;

import ai.dsk.Dsk;
import ai.dsk.DskException;

/** Loads the library and says from where, or why not: what LoaderTest runs in JVMs of their own. */
final class PrintLibrary {
  private PrintLibrary() {}

  public static void main(String[] arguments) {
    for (int attempt = 0; attempt < 2; attempt++) {
      try {
        System.out.println(Dsk.version() + " " + Dsk.libraryFile());
      } catch (DskException e) {
        System.out.println(e.status() + " " + e.getMessage());
      }
    }
  }
}
