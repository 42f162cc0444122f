# Cross build for 64-bit Arm on Debian (g++-aarch64-linux-gnu, qemu-user-static, zlib1g-dev:arm64):
#   cmake -S . -B build/arm64 -G Ninja -DCMAKE_TOOLCHAIN_FILE=lib/cmake/arm64-linux-gnu.cmake
# Tests run under qemu's user mode.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# The loader and the C library must come from one folder: beside zlib1g-dev:arm64 there is a second C library, in /lib, which
# the cross compiler's loader would take, and a program that starts a thread would then search a broken list for ever.
set(CMAKE_CROSSCOMPILING_EMULATOR
    "qemu-aarch64-static;-L;/usr/aarch64-linux-gnu;-E;LD_LIBRARY_PATH=/usr/aarch64-linux-gnu/lib")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
