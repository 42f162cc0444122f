/* A shared object with the right file name and nothing in it. */
__attribute__((visibility("default"))) int not_a_plugin(void) {
  return 1;
}
