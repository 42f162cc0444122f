/* A libcuda.so.1 of the CUDA 12.2 time: enough for a program to see that it is too old. */
__attribute__((visibility("default"))) int cuInit(unsigned int flags) {
  return (int)flags;
}
__attribute__((visibility("default"))) int cuDriverGetVersion(int* version) {
  *version = 12020;
  return 0;
}
