/**
 * libdsk for Java: which accelerators, split how, at what cost, serve a model within an SLA; does the hardware deliver it; and the
 * split layers themselves. Start at {@link ai.dsk.Dsk}.
 */
module ai.dsk {
  exports ai.dsk;
  exports ai.dsk.tp;
}
