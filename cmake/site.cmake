# The web page: each file of web/ becomes bytes in a table `site_files` of site_files.h, so that the binary needs none of them.
file(GLOB_RECURSE site_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*)
set(site_header ${CMAKE_BINARY_DIR}/generated/site_files.h)
add_custom_command(
  OUTPUT ${site_header}
  COMMAND ${CMAKE_COMMAND} -DOUT=${site_header} -DROOT=${CMAKE_SOURCE_DIR}/web "-DSOURCES=${site_sources}" -P
          ${CMAKE_SOURCE_DIR}/cmake/embed_site.cmake
  DEPENDS ${site_sources} ${CMAKE_SOURCE_DIR}/cmake/embed_site.cmake
  VERBATIM)
add_custom_target(leveret_site DEPENDS ${site_header})
add_dependencies(leveret_serve leveret_site)
target_include_directories(leveret_serve PRIVATE ${CMAKE_BINARY_DIR}/generated)
