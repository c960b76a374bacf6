# How every Tidegate library, program and test is compiled.

add_library(tidegate_options INTERFACE)
target_compile_features(tidegate_options INTERFACE cxx_std_20)
target_compile_options(tidegate_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(TIDEGATE_WERROR)
    target_compile_options(tidegate_options INTERFACE -Werror)
endif()
if(TIDEGATE_SANITIZE)
    target_compile_options(tidegate_options INTERFACE -fsanitize=${TIDEGATE_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(tidegate_options INTERFACE -fsanitize=${TIDEGATE_SANITIZE})
    # For tests that measure time: a sanitizer takes many times of it.
    target_compile_definitions(tidegate_options INTERFACE TIDEGATE_SANITIZED)
    target_sources(tidegate_options INTERFACE
        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:${CMAKE_SOURCE_DIR}/cmake/sanitizeroptions.cpp>)
endif()
target_compile_definitions(tidegate_options INTERFACE
    QT_NO_KEYWORDS QT_NO_FOREACH QT_NO_CAST_FROM_ASCII QT_NO_CAST_TO_ASCII
    QT_NO_CONTEXTLESS_CONNECT QT_USE_QSTRINGBUILDER
    TIDEGATE_VERSION="${PROJECT_VERSION}")
target_include_directories(tidegate_options INTERFACE ${CMAKE_SOURCE_DIR})

function(tidegate_use_pch target)
    if(TIDEGATE_PCH)
        target_precompile_headers(${target} PRIVATE
            <QByteArray> <QDateTime> <QHash> <QJsonObject> <QList> <QObject> <QString> <QStringList>
            <QTimer> <algorithm> <chrono> <functional> <memory> <optional> <string_view> <utility>
            <variant> <vector>)
    endif()
endfunction()

# A static library of the gateway or the app: tidegate_add_library(NAME SOURCES … LINK …)
function(tidegate_add_library target)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
    add_library(${target} STATIC ${ARG_SOURCES})
    target_link_libraries(${target} PUBLIC tidegate_options ${ARG_LINK})
    set_target_properties(${target} PROPERTIES AUTOMOC ON AUTORCC ON POSITION_INDEPENDENT_CODE ON)
    tidegate_use_pch(${target})
endfunction()

# A Qt Test program of one class: tidegate_add_test(NAME SOURCES … LINK … LABELS …)
function(tidegate_add_test target)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK;LABELS" ${ARGN})
    add_executable(${target} ${ARG_SOURCES})
    target_link_libraries(${target} PRIVATE tidegate_options ${ARG_LINK} Qt6::Test)
    set_target_properties(${target} PROPERTIES AUTOMOC ON)
    set(seconds 120)
    if(TIDEGATE_SANITIZE)
        set(seconds 900)
    endif()
    add_test(NAME ${target} COMMAND ${target})
    set_tests_properties(${target} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${seconds}
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;QT_QUICK_BACKEND=software;LANG=C.UTF-8;TZ=UTC")
endfunction()
