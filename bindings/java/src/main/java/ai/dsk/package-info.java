/**
 * Planning and measuring. {@link ai.dsk.Dsk} plans, {@link ai.dsk.Bench} measures; requests are records with builders, answers are
 * records over the library's own JSON, and every failure is a {@link ai.dsk.DskException}.
 *
 * <p>Null means absent in records of requests and in optional members of answers; lists and maps of answers are never null. Objects that
 * are {@link java.lang.AutoCloseable} own memory of the C library: closing twice is allowed, a call that is under way in another
 * thread ends first, a closed object throws {@link java.lang.IllegalStateException}, and what is never closed is closed by a
 * {@link java.lang.ref.Cleaner}. Everything may be used by any number of threads at once, but for {@link ai.dsk.Monitor} and the
 * package {@link ai.dsk.tp}, which are the caller's to serialise.
 */
package ai.dsk;
