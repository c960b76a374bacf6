# What `cmake --install` puts beside the programs, and the .deb that `cpack` makes of it all. The programs
# install themselves in app/.

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    set(tidegate_linux ${CMAKE_CURRENT_LIST_DIR}/linux)
    set(tidegate_id io.github.tidegate.Tidegate)

    install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/tidegate
        RENAME copyright)
    install(FILES ${CMAKE_SOURCE_DIR}/resources/grafana/tidegate.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/tidegate/grafana)
    install(FILES ${tidegate_linux}/tidegated.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    configure_file(${tidegate_linux}/tidegated.service.in ${CMAKE_BINARY_DIR}/tidegated.service @ONLY)
    if(CMAKE_INSTALL_PREFIX STREQUAL "/usr/local" OR CMAKE_INSTALL_PREFIX STREQUAL "/usr")
        set(tidegate_units lib/systemd/user)
    else()
        set(tidegate_units ${CMAKE_INSTALL_DATADIR}/systemd/user)
    endif()
    install(FILES ${CMAKE_BINARY_DIR}/tidegated.service DESTINATION ${tidegate_units})

    if(TARGET tidegate)
        # A private prefix need not be on the session's PATH, so its entry names the program in full.
        if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" OR CMAKE_INSTALL_PREFIX STREQUAL "/usr/local")
            set(TIDEGATE_EXEC tidegate)
        else()
            set(TIDEGATE_EXEC "\"${CMAKE_INSTALL_FULL_BINDIR}/tidegate\"")
        endif()
        configure_file(${tidegate_linux}/${tidegate_id}.desktop.in
            ${CMAKE_BINARY_DIR}/${tidegate_id}.desktop @ONLY)
        install(FILES ${CMAKE_BINARY_DIR}/${tidegate_id}.desktop
            DESTINATION ${CMAKE_INSTALL_DATADIR}/applications)
        install(FILES ${tidegate_linux}/${tidegate_id}.metainfo.xml
            DESTINATION ${CMAKE_INSTALL_DATADIR}/metainfo)
        install(FILES ${tidegate_linux}/tidegate.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
        # The symbolic icon follows the desktop's text colour.
        set(tidegate_icons ${CMAKE_INSTALL_DATADIR}/icons/hicolor)
        install(DIRECTORY ${CMAKE_SOURCE_DIR}/resources/icons/hicolor/ DESTINATION ${tidegate_icons}
            FILES_MATCHING PATTERN "*.png")
        install(FILES ${CMAKE_SOURCE_DIR}/resources/icons/mark/tidegate.svg
            DESTINATION ${tidegate_icons}/scalable/apps RENAME ${tidegate_id}.svg)
        install(FILES ${CMAKE_SOURCE_DIR}/resources/icons/mark/tidegate-symbolic.svg
            DESTINATION ${tidegate_icons}/symbolic/apps RENAME ${tidegate_id}-symbolic.svg)
    endif()
endif()

# cpack -G DEB: one package with both programs.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tidegate)
set(CPACK_PACKAGE_VENDOR "Tidegate")
set(CPACK_PACKAGE_CONTACT "The Tidegate developers <tidegate@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "local gateway for LLM backends, with a control panel")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Libraries are found by the linker; QML modules and plugins are loaded by name and listed by hand.
cmake_host_system_information(RESULT tidegate_host QUERY DISTRIB_INFO)
foreach(list run run-desktop)
    file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/packages/${list}.txt lines REGEX "^[a-z]")
    list(TRANSFORM lines REPLACE " *#.*$" "")
    list(TRANSFORM lines REPLACE " +@${tidegate_host_ID}-${tidegate_host_VERSION_ID}$" "")
    list(FILTER lines EXCLUDE REGEX "@")
    string(REPLACE "-" "_" list ${list})
    set(tidegate_${list} ${lines})
endforeach()
list(JOIN tidegate_run ", " CPACK_DEBIAN_PACKAGE_DEPENDS)
if(TARGET tidegate)
    list(JOIN tidegate_run_desktop ", " tidegate_run_desktop)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", ${tidegate_run_desktop}")
    set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gnome-keyring | kwalletmanager")
endif()
include(CPack)
