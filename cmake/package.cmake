# What is installed, and the Debian package: cpack -G DEB --config build/release/CPackConfig.cmake -B build/package
include(GNUInstallDirs)
install(TARGETS leveret RUNTIME)
install(FILES config/leveret.yaml DESTINATION /etc/leveret)
install(FILES deploy/systemd/leveret.service deploy/systemd/leveret-relay.service deploy/systemd/leveret-serve.service
        DESTINATION lib/systemd/system OPTIONAL)
install(FILES deploy/debian/sysusers.conf DESTINATION lib/sysusers.d RENAME leveret.conf OPTIONAL)
install(FILES completions/leveret.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME leveret OPTIONAL)

# Who makes the package is its maintainer, named as Debian's own tools want it.
set(CPACK_PACKAGE_CONTACT "leveret <leveret@localhost>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
configure_file(deploy/debian/changelog ${CMAKE_BINARY_DIR}/changelog @ONLY)

# Debian wants these compressed; without a time in them, the same sources give the same package.
find_program(GZIP gzip REQUIRED)
function(leveret_install_compressed source destination)
  get_filename_component(name ${source} NAME)
  set(made ${CMAKE_BINARY_DIR}/compressed/${name}.gz)
  add_custom_command(OUTPUT ${made} DEPENDS ${source} COMMAND ${GZIP} -9nc ${source} > ${made} VERBATIM)
  add_custom_target(compressed_${name} ALL DEPENDS ${made})
  install(FILES ${made} DESTINATION ${destination})
endfunction()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/compressed)
leveret_install_compressed(${CMAKE_SOURCE_DIR}/man/leveret.1 ${CMAKE_INSTALL_MANDIR}/man1)
leveret_install_compressed(${CMAKE_SOURCE_DIR}/man/leveret.yaml.5 ${CMAKE_INSTALL_MANDIR}/man5)
leveret_install_compressed(${CMAKE_BINARY_DIR}/changelog ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL FILES_MATCHING PATTERN "*.md")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME leveret)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "RabbitMQ consumer worker that turns messages into mails")
set(CPACK_PACKAGE_DESCRIPTION "Services publish messages; leveret runs a typed handler for each, sends the
mails that it asks for over SMTP or HTTP, keeps idempotency records in Redis,
retries what may heal and dead-letters what cannot.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, passwd")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/deploy/debian/postinst ${CMAKE_SOURCE_DIR}/deploy/debian/prerm
    ${CMAKE_SOURCE_DIR}/deploy/debian/postrm ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles)
include(CPack)
