# The install tree: headers, both libraries, find_package(dsk), dsk.pc, the tool and the plugins that were built.
# Components: runtime, development and tools, which DskPackages.cmake makes Debian packages of.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dsk)
set(plugin_dir ${CMAKE_INSTALL_LIBDIR}/dsk)

set_target_properties(dsk PROPERTIES EXPORT_NAME dsk)
set_target_properties(dsk_static PROPERTIES EXPORT_NAME dsk_static)
install(TARGETS dsk EXPORT dsk_shared LIBRARY COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS dsk_static EXPORT dsk_static ARCHIVE COMPONENT development)
foreach(kind shared static)
  install(EXPORT dsk_${kind} NAMESPACE dsk:: FILE dsk-${kind}-targets.cmake DESTINATION ${config_dir}
          COMPONENT development)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/dsk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR}
        COMPONENT runtime)
if(TARGET dsk-cli)
  file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(dsk-cli PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
  install(TARGETS dsk-cli RUNTIME COMPONENT tools)
endif()
if(TARGET dsk_load_http)
  install(TARGETS dsk_load_http LIBRARY DESTINATION ${plugin_dir} COMPONENT runtime)
endif()
if(TARGET dsk_cuda)
  install(TARGETS dsk_cuda LIBRARY DESTINATION ${plugin_dir} COMPONENT runtime)
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/dsk-config.cmake.in
  ${PROJECT_BINARY_DIR}/dsk-config.cmake INSTALL_DESTINATION ${config_dir} PATH_VARS plugin_dir)
# Until 1.0 a new minor may change the ABI (docs/api-stability.md), so only the same minor serves.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dsk-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dsk-config.cmake ${PROJECT_BINARY_DIR}/dsk-config-version.cmake
        DESTINATION ${config_dir} COMPONENT development)

# pkg-config finds the prefix from where dsk.pc lies, so that the tree can be moved.
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
configure_file(${CMAKE_CURRENT_LIST_DIR}/dsk.pc.in ${PROJECT_BINARY_DIR}/dsk.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dsk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

include(DskPackages)
