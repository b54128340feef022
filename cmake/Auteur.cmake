# Compiler settings and the functions by which every folder declares what it builds.

set (CMAKE_C_STANDARD 11)
set (CMAKE_C_STANDARD_REQUIRED ON)
set (CMAKE_C_EXTENSIONS OFF)
# The engine's shim alone is C++; LibTorch's headers want C++20.
set (CMAKE_CXX_STANDARD 20)
set (CMAKE_CXX_STANDARD_REQUIRED ON)
set (CMAKE_CXX_EXTENSIONS OFF)
set (CMAKE_POSITION_INDEPENDENT_CODE ON)
set (CMAKE_EXPORT_COMPILE_COMMANDS ON)
if (NOT CMAKE_BUILD_TYPE)
    set (CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif ()
set (CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
# What came from a folder of its own (AUTEUR_DEPS) is found there after installing, too.
set (CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
include (GNUInstallDirs)
find_package (PkgConfig)
find_package (Threads REQUIRED)

find_program (CCACHE ccache)
if (CCACHE)
    set (CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
    set (CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif ()

add_compile_definitions (_GNU_SOURCE AUTEUR_VERSION="${PROJECT_VERSION}")
add_compile_options (-Wall -Wextra -Wshadow -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wvla
                     -fno-common -fno-omit-frame-pointer
                     "$<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes>")
if (AUTEUR_WERROR)
    add_compile_options (-Werror)
endif ()
if (AUTEUR_SANITIZE)
    add_compile_options (-fsanitize=${AUTEUR_SANITIZE} -fno-sanitize-recover=all)
    add_link_options (-fsanitize=${AUTEUR_SANITIZE})
elseif (NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options (-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
endif ()
if (AUTEUR_LIBFUZZER)
    add_compile_options (-fsanitize=fuzzer-no-link)
endif ()
if (AUTEUR_COVERAGE)
    add_compile_options (--coverage)
    add_link_options (--coverage)
endif ()

# What `make build`, `make bench` and `make fuzz` build.
add_custom_target (programs)
add_custom_target (bench-programs)
add_custom_target (fuzzers)

# aut_pkg (TARGET MODULE...): an imported interface target PkgConfig::TARGET for pkg-config modules.
function (aut_pkg target)
    pkg_check_modules (${target} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
endfunction ()

# aut_find (TARGET MODULE HEADER LIBRARY): the same for one library, without pkg-config too: from
# AUTEUR_DEPS if it is there, else by pkg-config where that exists, else by the header and the library.
# What an engine without the cluster needs is found this way.
function (aut_find target module header library)
    if (NOT AUTEUR_DEPS AND PkgConfig_FOUND)
        aut_pkg (${target} ${module})
        return ()
    endif ()
    find_path (AUTEUR_${target}_INCLUDE ${header} HINTS ${AUTEUR_DEPS}/include)
    find_library (AUTEUR_${target}_LIBRARY ${library} HINTS ${AUTEUR_DEPS}/lib)
    if (NOT AUTEUR_${target}_INCLUDE OR NOT AUTEUR_${target}_LIBRARY)
        message (FATAL_ERROR "${module} is missing: no ${header} or no lib${library}; install its "
                 "development package, or put them below a folder's include/ and lib/ and say "
                 "-DAUTEUR_DEPS=FOLDER")
    endif ()
    add_library (PkgConfig::${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories (PkgConfig::${target} INTERFACE ${AUTEUR_${target}_INCLUDE})
    target_link_libraries (PkgConfig::${target} INTERFACE ${AUTEUR_${target}_LIBRARY})
endfunction ()

# aut_library (NAME SOURCES ... [LINK ...] [PRIVATE ...]): a static library.
# The repository root is the only include path, so every include names its folder.
# LINK: what the headers expose; PRIVATE: what only the sources use.
function (aut_library name)
    cmake_parse_arguments (A "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
    add_library (${name} STATIC ${A_SOURCES})
    target_include_directories (${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries (${name} PUBLIC ${A_LINK} PRIVATE ${A_PRIVATE})
    set_property (GLOBAL APPEND PROPERTY AUT_TARGETS ${name})
endfunction ()

# aut_program (NAME SOURCES ... LINK ...): a program that is installed in bin.
function (aut_program name)
    cmake_parse_arguments (A "" "" "SOURCES;LINK" ${ARGN})
    add_executable (${name} ${A_SOURCES})
    target_link_libraries (${name} PRIVATE ${A_LINK})
    install (TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    add_dependencies (programs ${name})
    set_property (GLOBAL APPEND PROPERTY AUT_TARGETS ${name})
endfunction ()

# aut_bench (NAME SOURCES ... LINK ...): a program in bench/ that tests/bench/run.sh runs (make bench).
function (aut_bench name)
    cmake_parse_arguments (A "" "" "SOURCES;LINK" ${ARGN})
    add_executable (${name} EXCLUDE_FROM_ALL ${A_SOURCES})
    target_link_libraries (${name} PRIVATE ${A_LINK})
    set_target_properties (${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
    add_dependencies (bench-programs ${name})
endfunction ()

# What the leak check is told of other people's libraries.
set (AUTEUR_LSAN "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0")

# aut_test (NAME SOURCES ... LINK ... [TIMEOUT s] [LABELS ...]): a Check program run by ctest.
# AUTEUR_TEST_DATA is the absolute path of tests/; AUTEUR_BIN_DIR that of the built programs.
# Without LABELS the test has its folder's name.
function (aut_test name)
    cmake_parse_arguments (A "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
    if (NOT A_TIMEOUT)
        set (A_TIMEOUT 300)
    endif ()
    if (NOT A_LABELS)
        get_filename_component (A_LABELS ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    endif ()
    add_executable (${name} ${A_SOURCES})
    target_link_libraries (${name} PRIVATE ${A_LINK} PkgConfig::CHECK)
    target_compile_definitions (${name} PRIVATE AUTEUR_TEST_DATA="${CMAKE_SOURCE_DIR}/tests"
                                AUTEUR_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
    set_target_properties (${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test (NAME ${name} COMMAND ${name})
    set_tests_properties (${name} PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}"
                          ENVIRONMENT "CK_DEFAULT_TIMEOUT=120;LC_ALL=C.UTF-8;HF_HUB_CACHE=/nonexistent;${AUTEUR_LSAN}")
endfunction ()

# aut_fuzz (NAME SOURCES ... LINK ...): a fuzz target defining LLVMFuzzerTestOneInput.
# With clang it is also built as a libFuzzer program (make fuzz); under ctest a plain driver
# replays tests/fuzz/corpus/NAME and then mutates it INPUTS times (100,000; less where one takes long).
function (aut_fuzz name)
    cmake_parse_arguments (A "" "INPUTS" "SOURCES;LINK" ${ARGN})
    if (NOT A_INPUTS)
        set (A_INPUTS 100000)
    endif ()
    add_executable (${name} ${A_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/driver.c)
    target_link_libraries (${name} PRIVATE ${A_LINK} auteur_core)
    set_target_properties (${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test (NAME ${name} COMMAND ${name} --inputs ${A_INPUTS}
              ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties (${name} PROPERTIES TIMEOUT 900 LABELS fuzz)
    if (AUTEUR_LIBFUZZER)
        add_executable (${name}-libfuzzer ${A_SOURCES})
        target_link_libraries (${name}-libfuzzer PRIVATE ${A_LINK} auteur_core)
        target_link_options (${name}-libfuzzer PRIVATE -fsanitize=fuzzer)
        set_target_properties (${name}-libfuzzer PROPERTIES OUTPUT_NAME ${name}
                               RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
        add_dependencies (fuzzers ${name}-libfuzzer)
    else ()
        add_dependencies (fuzzers ${name})
    endif ()
endfunction ()

# The folders that a folder may link to, besides itself; the includes are checked by tools/arch.sh.
set (AUT_ARROWS_lib_core "")
set (AUT_ARROWS_lib_film lib/core)
set (AUT_ARROWS_lib_media lib/core)
set (AUT_ARROWS_proto lib/core lib/film lib/media)
set (AUT_ARROWS_broker lib/core lib/film lib/media proto)
set (AUT_ARROWS_node lib/core lib/film lib/media proto node/engine)
set (AUT_ARROWS_node_engine lib/core)
# broker and node: for client/local.c alone
set (AUT_ARROWS_client lib/core lib/film lib/media proto broker node)

# The folder of the arrows that a target belongs to: lib/core, proto, broker, node/engine …
function (aut_folder_of target out)
    get_target_property (dir ${target} SOURCE_DIR)
    file (RELATIVE_PATH dir ${CMAKE_SOURCE_DIR} ${dir})
    string (REGEX REPLACE "^(lib/[a-z]+|node/engine|[a-z]+).*$" "\\1" dir "${dir}")
    set (${out} ${dir} PARENT_SCOPE)
endfunction ()

# aut_check_arrows (): refuses a link against the design's arrows.
function (aut_check_arrows)
    get_property (targets GLOBAL PROPERTY AUT_TARGETS)
    foreach (target ${targets})
        aut_folder_of (${target} from)
        string (REPLACE "/" "_" key ${from})
        get_target_property (links ${target} LINK_LIBRARIES)
        foreach (link ${links})
            string (REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" link "${link}")
            if (link MATCHES "^auteur_" AND NOT TARGET ${link})
                message (FATAL_ERROR "${target} links to ${link}, which no folder declares")
            endif ()
            if (NOT link IN_LIST targets)
                continue ()
            endif ()
            aut_folder_of (${link} to)
            if (NOT to STREQUAL from AND NOT to IN_LIST AUT_ARROWS_${key})
                message (FATAL_ERROR "${target} (${from}) must not link to ${link} (${to})")
            endif ()
        endforeach ()
    endforeach ()
    if (TARGET auteur_broker_core)
        get_target_property (links auteur_broker_core LINK_LIBRARIES)
        list (REMOVE_ITEM links auteur_core)
        if (links)
            message (FATAL_ERROR "auteur_broker_core may link to auteur_core only, not ${links}")
        endif ()
    endif ()
endfunction ()
