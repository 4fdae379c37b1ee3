# Turns worker/io/redis/lua/<name>.lua into a C string `script_<name>` in redis_scripts.h. Kept as Lua files so that they are
# highlighted, linted and read as what they are.
file(GLOB lua_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/worker/io/redis/lua/*.lua)
set(scripts_header ${CMAKE_BINARY_DIR}/generated/redis_scripts.h)
add_custom_command(
  OUTPUT ${scripts_header}
  COMMAND ${CMAKE_COMMAND} -DOUT=${scripts_header} "-DSOURCES=${lua_sources}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${lua_sources} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  VERBATIM)
add_custom_target(leveret_scripts DEPENDS ${scripts_header})
add_dependencies(leveret_io leveret_scripts)
target_include_directories(leveret_io PRIVATE ${CMAKE_BINARY_DIR}/generated)
