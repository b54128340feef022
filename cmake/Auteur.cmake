# Compiler settings and the three functions by which every folder declares what it builds.

set (CMAKE_C_STANDARD 11)
set (CMAKE_C_STANDARD_REQUIRED ON)
set (CMAKE_C_EXTENSIONS OFF)
set (CMAKE_POSITION_INDEPENDENT_CODE ON)
set (CMAKE_EXPORT_COMPILE_COMMANDS ON)
if (NOT CMAKE_BUILD_TYPE)
    set (CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif ()
set (CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
include (GNUInstallDirs)
find_package (PkgConfig REQUIRED)
find_package (Threads REQUIRED)

find_program (CCACHE ccache)
if (CCACHE)
    set (CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif ()

add_compile_definitions (_GNU_SOURCE AUTEUR_VERSION="${PROJECT_VERSION}")
add_compile_options (-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
                     -Wwrite-strings -Wformat=2 -Wundef -Wvla -fno-common -fno-omit-frame-pointer)
if (AUTEUR_WERROR)
    add_compile_options (-Werror)
endif ()
if (AUTEUR_SANITIZE)
    add_compile_options (-fsanitize=${AUTEUR_SANITIZE} -fno-sanitize-recover=all)
    add_link_options (-fsanitize=${AUTEUR_SANITIZE})
elseif (NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options (-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
endif ()
if (AUTEUR_COVERAGE)
    add_compile_options (--coverage)
    add_link_options (--coverage)
endif ()

# aut_pkg (TARGET MODULE...): an imported interface target PkgConfig::TARGET for pkg-config modules.
function (aut_pkg target)
    pkg_check_modules (${target} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
endfunction ()

# aut_library (NAME SOURCES ... [LINK ...] [PRIVATE ...]): a static library.
# The repository root is the only include path, so every include names its folder.
# LINK: what the headers expose; PRIVATE: what only the sources use.
function (aut_library name)
    cmake_parse_arguments (A "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
    add_library (${name} STATIC ${A_SOURCES})
    target_include_directories (${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries (${name} PUBLIC ${A_LINK} PRIVATE ${A_PRIVATE})
endfunction ()

# aut_program (NAME SOURCES ... LINK ...): a program that is installed in bin.
function (aut_program name)
    cmake_parse_arguments (A "" "" "SOURCES;LINK" ${ARGN})
    add_executable (${name} ${A_SOURCES})
    target_link_libraries (${name} PRIVATE ${A_LINK})
    install (TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction ()

# aut_test (NAME SOURCES ... LINK ... [TIMEOUT s] [LABELS ...]): a Check program run by ctest.
# AUTEUR_TEST_DATA is the absolute path of tests/; AUTEUR_BIN_DIR that of the built programs.
function (aut_test name)
    cmake_parse_arguments (A "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
    if (NOT A_TIMEOUT)
        set (A_TIMEOUT 300)
    endif ()
    add_executable (${name} ${A_SOURCES})
    target_link_libraries (${name} PRIVATE ${A_LINK} PkgConfig::CHECK)
    target_compile_definitions (${name} PRIVATE AUTEUR_TEST_DATA="${CMAKE_SOURCE_DIR}/tests"
                                AUTEUR_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
    set_target_properties (${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test (NAME ${name} COMMAND ${name})
    set_tests_properties (${name} PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}"
                          ENVIRONMENT "CK_DEFAULT_TIMEOUT=120;LC_ALL=C.UTF-8")
endfunction ()

# aut_fuzz (NAME SOURCES ... LINK ...): a fuzz target defining LLVMFuzzerTestOneInput.
# With clang it is also built as a libFuzzer program (make fuzz); under ctest a plain driver
# replays tests/fuzz/corpus/NAME and then mutates it for a fixed number of inputs.
function (aut_fuzz name)
    cmake_parse_arguments (A "" "INPUTS" "SOURCES;LINK" ${ARGN})
    if (NOT A_INPUTS)
        set (A_INPUTS 20000)
    endif ()
    add_executable (${name} ${A_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/driver.c)
    target_link_libraries (${name} PRIVATE ${A_LINK} auteur_core)
    set_target_properties (${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test (NAME ${name} COMMAND ${name} --inputs ${A_INPUTS}
              ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties (${name} PROPERTIES TIMEOUT 300 LABELS fuzz)
    if (CMAKE_C_COMPILER_ID MATCHES Clang AND AUTEUR_LIBFUZZER)
        add_executable (${name}-libfuzzer ${A_SOURCES})
        target_link_libraries (${name}-libfuzzer PRIVATE ${A_LINK})
        target_link_options (${name}-libfuzzer PRIVATE -fsanitize=fuzzer)
        set_target_properties (${name}-libfuzzer PROPERTIES
                               RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    endif ()
endfunction ()
