# dsk_embed(<out-var> SYMBOL <name> BASE <dir> FILES <file>...)
#
# Writes one generated .cpp that holds every file as bytes, as
#   namespace dsk::embedded { extern const File <name>[]; extern const std::size_t <name>_count; }
# so that a static Go binary, a wheel or a jar works with no data folder. Paths are relative to BASE.
function(dsk_embed out_var)
  cmake_parse_arguments(arg "" "SYMBOL;BASE" "FILES" ${ARGN})
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/embedded_${arg_SYMBOL}.cpp)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DOUT=${generated} -DSYMBOL=${arg_SYMBOL} -DBASE=${arg_BASE}
            "-DFILES=${arg_FILES}" -P ${PROJECT_SOURCE_DIR}/lib/cmake/embed.cmake
    DEPENDS ${arg_FILES} ${PROJECT_SOURCE_DIR}/lib/cmake/embed.cmake
    COMMENT "Embedding ${arg_SYMBOL}"
    VERBATIM)
  set(${out_var} ${generated} PARENT_SCOPE)
endfunction()
