# One place for language level, warnings, visibility and sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# The C++ library that the compiler links by itself, for those who link our archive with a C compiler.
if("c++" IN_LIST CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
  set(DSK_CXX_RUNTIME c++)
else()
  set(DSK_CXX_RUNTIME stdc++)
endif()

find_program(DSK_CCACHE ccache)
if(DSK_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${DSK_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DSK_CCACHE})
endif()

add_library(dsk_options INTERFACE)
target_compile_options(dsk_options INTERFACE
  $<$<COMPILE_LANGUAGE:C,CXX>:-Wall -Wextra -Wconversion -Wshadow>
  # GCC 12 reports an overlap inside std::string::operator+ that is not there (GCC bug 105651).
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  # Clang's -Wconversion holds -Wsign-conversion and GCC's does not: both must say the same of a source.
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-sign-conversion>
  $<$<AND:$<BOOL:${DSK_WERROR}>,$<COMPILE_LANGUAGE:C,CXX>>:-Werror>
  # The same answer on every machine: no fused multiply-add that a compiler may or may not choose.
  $<$<COMPILE_LANGUAGE:C,CXX>:-ffp-contract=off>)
if(DSK_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${DSK_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:C,CXX>:-fno-omit-frame-pointer>
                      $<$<COMPILE_LANGUAGE:C,CXX>:-fno-sanitize-recover=all>)
  add_link_options(-fsanitize=${DSK_SANITIZE})
  # The checks of C++ types live in a runtime that only the C++ driver links; a C program needs it for our library.
  set(CMAKE_C_LINK_EXECUTABLE ${CMAKE_CXX_LINK_EXECUTABLE})
endif()
if(DSK_BUILD_FUZZERS AND NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  message(FATAL_ERROR "DSK_BUILD_FUZZERS=ON needs Clang; the compiler is ${CMAKE_CXX_COMPILER_ID}")
endif()
